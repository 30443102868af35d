import { type Answer, errorFrom, InvalidRequestError, NotFoundError } from "./errors.js";
import { type Fetch, pause, send } from "./fetch.js";
import { isInDoubt, waitAfter } from "./retry.js";
import { VERSION } from "./version.js";

/** Settings of a client, each of which a single call may override. */
export interface Limits {
  /** Milliseconds that one try may take; 10 000 unless set. */
  timeout?: number | undefined;
  /** How often a failed try is repeated; 2 unless set. */
  maxRetries?: number | undefined;
}

/** What every call takes as its last argument. */
export interface RequestOptions extends Limits {
  /** Calls it off; the promise is then rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A call of the API. */
export interface Call {
  method: "GET" | "POST" | "DELETE";
  path: string;
  /** The path in the words of errors, with the names of ids in their place. */
  route?: string;
  query?: object | undefined;
  body?: object;
  idempotencyKey?: string;
  /** The call carries a credential of its own, so the secret key stays at home. */
  withoutKey?: boolean;
  /** A 404 for a repeat means that a try whose answer was lost has done it. */
  doneWhenMissing?: boolean;
}

type Checked = { [Limit in keyof Limits]-?: NonNullable<Limits[Limit]> };

/** Sends calls to one server with one secret key. */
export class Transport {
  // Private to the engine: neither `util.inspect` nor JSON shows it.
  readonly #secretKey: string;
  readonly #baseUrl: string;
  readonly #limits: Checked;
  readonly #fetch: Fetch | undefined;

  constructor(secretKey: string, baseUrl: string, limits: Limits, fetch: Fetch | undefined) {
    this.#secretKey = secretKey;
    this.#baseUrl = baseUrl;
    this.#limits = checked(limits);
    this.#fetch = fetch;
  }

  /** Makes a call, again when it failed in passing. */
  async request<T>(call: Call, { signal, timeout, maxRetries }: RequestOptions = {}): Promise<T> {
    const limits = checked({
      timeout: timeout ?? this.#limits.timeout,
      maxRetries: maxRetries ?? this.#limits.maxRetries,
    });
    const outgoing = {
      url: this.#baseUrl + call.path + search(call.query),
      name: `${call.method} ${call.route ?? call.path}`,
      method: call.method,
      headers: this.#headers(call),
      body: call.body && JSON.stringify(call.body),
      timeout: limits.timeout,
      signal,
      // Looked up late, so that what replaces the global one is seen.
      fetch: this.#fetch ?? globalThis.fetch,
    };
    let inDoubt = false;
    for (let failures = 0; ; failures++) {
      try {
        return read<T>(await send(outgoing));
      } catch (error) {
        if (inDoubt && call.doneWhenMissing && error instanceof NotFoundError) return undefined as T;
        const wait = failures < limits.maxRetries ? waitAfter(error, failures) : undefined;
        if (wait === undefined) throw error;
        inDoubt ||= isInDoubt(error);
        await pause(wait, signal);
      }
    }
  }

  #headers({ body, idempotencyKey, withoutKey }: Call): Record<string, string> {
    return {
      accept: "application/json",
      "user-agent": `vestibule-node/${VERSION}`,
      ...(!withoutKey && { authorization: `Bearer ${this.#secretKey}` }),
      ...(body && { "content-type": "application/json" }),
      ...(idempotencyKey !== undefined && { "idempotency-key": visible(idempotencyKey) }),
    };
  }
}

function checked({ timeout = 10_000, maxRetries = 2 }: Limits): Checked {
  // Timers overflow above 2³¹ - 1 milliseconds, and would go off at once.
  if (!(timeout > 0 && timeout < 2 ** 31)) throw new RangeError("timeout: give a number of milliseconds above 0.");
  if (!(maxRetries >= 0)) throw new RangeError("maxRetries: give 0 or more.");
  return { timeout, maxRetries };
}

function visible(idempotencyKey: string): string {
  if (/^[\x21-\x7e]{1,255}$/.test(idempotencyKey)) return idempotencyKey;
  throw invalid("idempotencyKey", "Give 1 to 255 visible ASCII characters.");
}

/** The error for an argument that is not worth sending. */
export function invalid(param: string, message: string): InvalidRequestError {
  return new InvalidRequestError(message, { code: "validation_error", type: "invalid_request_error", param });
}

function search(query: object = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length > 0 ? `?${new URLSearchParams(given)}` : "";
}

function read<T>(answer: Answer): T {
  if (answer.status === 204) return undefined as T;
  if (answer.status >= 300) throw errorFrom(answer);
  try {
    return JSON.parse(answer.text) as T;
  } catch {
    throw errorFrom(answer);
  }
}
