import { type Answer, ConnectionError, TimeoutError } from "./errors.js";

/** A function like the global `fetch`. */
export type Fetch = typeof globalThis.fetch;

/** One HTTP request. */
export interface Outgoing {
  url: string;
  /** The request in the words of errors: no ids and no tokens. */
  name: string;
  method: string;
  headers: Record<string, string>;
  body?: string | undefined;
  /** Milliseconds for the whole answer to come. */
  timeout: number;
  /** The caller's own way to call it off. */
  signal?: AbortSignal | undefined;
  fetch: Fetch;
}

/**
 * Sends a request and reads the answer to its end. Redirects are not followed: what the request
 * carries is for the server that the developer named.
 */
export async function send({ url, name, timeout, signal, fetch, ...request }: Outgoing): Promise<Answer> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, timeout);
  signal?.addEventListener("abort", abort);
  try {
    const { method, headers, body = null } = request;
    const response = await fetch(url, { method, headers, body, redirect: "manual", signal: controller.signal });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (cause) {
    signal?.throwIfAborted();
    if (controller.signal.aborted) {
      throw new TimeoutError(`${name}: no answer within ${timeout} ms.`, { code: "timeout", type: "connection_error" });
    }
    const details = { code: "connection_failed", type: "connection_error", cause };
    throw new ConnectionError(`${name}: ${reason(cause)}.`, details);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** Why there was no answer; `fetch` hides it in the cause of its error. */
function reason(error: unknown): string {
  const { message, code, cause } = error as { message?: string; code?: string; cause?: unknown };
  return cause instanceof Error ? reason(cause) : message || code || "no answer came";
}

/** Waits, unless `signal` calls it off. */
export function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
