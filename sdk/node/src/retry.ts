import { ConnectionError, VestibuleError } from "./errors.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8_000;
/** A server that asks for more time than this, in seconds, is left alone. */
const LONGEST_RETRY_AFTER = 60;

/** Milliseconds to wait before the next try, after `failures` earlier ones; undefined when another try is no use. */
export function waitAfter(error: unknown, failures: number): number | undefined {
  if (!(error instanceof VestibuleError) || !isPassing(error)) return undefined;
  const { retryAfter = 0 } = error;
  if (retryAfter > LONGEST_RETRY_AFTER) return undefined;
  // Between half and all of the time, so that clients that failed together don't return together.
  const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures) * (1 + Math.random()) / 2;
  return retryAfter * 1000 + wait;
}

function isPassing(error: VestibuleError): boolean {
  return isInDoubt(error) || error.status === 429 || error.code === "idempotency_in_progress";
}

/** Whether the server may have done what was asked for, although it did not say so. */
export function isInDoubt(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  const { status = 0, code } = error as VestibuleError;
  return status === 408 || status >= 500 || (status < 300 && code === "unexpected_answer");
}
