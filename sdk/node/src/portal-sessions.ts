import { randomBytes, randomUUID } from "node:crypto";
import { List, type Page } from "./list.js";
import { invalid, type RequestOptions, type Transport } from "./transport.js";
import type {
  CreatedPortalSession,
  CreatePortalSessionParams,
  ExchangedPortalSession,
  ListPortalSessionsParams,
  PortalSession,
} from "./types.js";

/** What `create` takes as its last argument. */
export interface CreateOptions extends RequestOptions {
  /** Names the request, for a repeat beyond this call, after a crash say; random unless set. */
  idempotencyKey?: string | undefined;
}

/** What `exchange` takes as its last argument. */
export interface ExchangeOptions extends RequestOptions {
  /** Names the attempt, for a repeat beyond this call: 16 to 128 characters that nobody guesses; random unless set. */
  nonce?: string | undefined;
}

const PATH = "/v1/portal-sessions";

/** Portal sessions: one-time links, and the browser sessions that they become. */
export class PortalSessions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Mints a one-time link. Send the customer to its `url`, which no other call will show again.
   * A repeat after a lost answer gets the same link and never a second one.
   */
  create(
    params: CreatePortalSessionParams & { mode: "token" },
    options?: CreateOptions,
  ): Promise<CreatedPortalSession & { url: null }>;
  create(
    params: CreatePortalSessionParams & { mode?: "link" | null },
    options?: CreateOptions,
  ): Promise<CreatedPortalSession & { url: string }>;
  create(params: CreatePortalSessionParams, options?: CreateOptions): Promise<CreatedPortalSession>;
  async create(params: CreatePortalSessionParams, options: CreateOptions = {}): Promise<CreatedPortalSession> {
    const idempotencyKey = options.idempotencyKey ?? randomUUID();
    return this.#transport.request({ method: "POST", path: PATH, body: params, idempotencyKey }, options);
  }

  /** Looks a portal session up: whether its link was opened, used, or has expired. */
  async get(id: string, options?: RequestOptions): Promise<PortalSession> {
    return this.#transport.request({ method: "GET", ...one(id) }, options);
  }

  /**
   * Lists portal sessions, newest first; used and expired ones only when `status` or
   * `includeExpired` asks for them. Await it for one page, iterate it with `for await` for all.
   */
  list(params: ListPortalSessionsParams = {}, options?: RequestOptions): List<PortalSession> {
    const { startingAfter, endingBefore, ...filter } = params;
    // An empty one is a cursor that got lost: the server refuses it, where leaving it out would begin anew.
    const start = { ...(startingAfter != null && { startingAfter }), ...(endingBefore != null && { endingBefore }) };
    return new List(start, (cursor) =>
      this.#transport.request<Page<PortalSession>>(
        { method: "GET", path: PATH, query: { ...filter, ...cursor } },
        options,
      ),
    );
  }

  /** Deletes a portal session for good: its link and its browser session both stop at once. */
  async revoke(id: string, options?: RequestOptions): Promise<void> {
    return this.#transport.request({ method: "DELETE", ...one(id), doneWhenMissing: true }, options);
  }

  /**
   * Exchanges a link's token for a browser token, for a portal of your own. Of any number of calls
   * one succeeds; a repeat of this call after a lost answer is the same one, and burns nothing.
   */
  async exchange(token: string, options: ExchangeOptions = {}): Promise<ExchangedPortalSession> {
    const nonce = options.nonce ?? randomBytes(24).toString("base64url");
    const body = { token, nonce, transport: "bearer" };
    return this.#transport.request({ method: "POST", path: `${PATH}/exchange`, body, withoutKey: true }, options);
  }
}

/** The address of one session. Anything but an id could lead elsewhere. */
function one(id: string): { path: string; route: string } {
  if (typeof id !== "string" || !/^[\w-]+$/.test(id)) throw invalid("id", "Give the id of a portal session.");
  return { path: `${PATH}/${id}`, route: `${PATH}/{id}` };
}
