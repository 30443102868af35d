import type { Schemas } from "./types.js";

/** What is known of an error beside its message. */
export interface ErrorDetails {
  /** What happened, for programs: `validation_error`, `resource_missing` … */
  code: string;
  /** The class of the error: `invalid_request_error`, `api_error` … */
  type: string;
  /** The field that it is about. */
  param?: string | undefined;
  /** The HTTP status; none when no answer came. */
  status?: number | undefined;
  /** The request's id, to be looked up in the server's log. */
  requestId?: string | undefined;
  /** Where the code is explained. */
  docUrl?: string | undefined;
  /** Seconds to wait before another try, when the server says so. */
  retryAfter?: number | undefined;
  /** What brought it about. */
  cause?: unknown;
}

/** Every error of this package. */
export class VestibuleError extends Error implements ErrorDetails {
  readonly code: string;
  readonly type: string;
  readonly param: string | undefined;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly docUrl: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.type = details.type;
    this.param = details.param;
    this.status = details.status;
    this.requestId = details.requestId;
    this.docUrl = details.docUrl;
    this.retryAfter = details.retryAfter;
  }

  static {
    this.prototype.name = "VestibuleError";
  }
}

/** The key is not a valid secret key, or the link token opens nothing. */
export class AuthenticationError extends VestibuleError {
  static {
    this.prototype.name = "AuthenticationError";
  }
}

/** The key may not do or give that, or the portal is disabled. */
export class PermissionError extends VestibuleError {
  static {
    this.prototype.name = "PermissionError";
  }
}

/** The request is malformed; `param` tells which field. */
export class InvalidRequestError extends VestibuleError {
  static {
    this.prototype.name = "InvalidRequestError";
  }
}

/** There is no such thing, or the key may not see it. */
export class NotFoundError extends VestibuleError {
  static {
    this.prototype.name = "NotFoundError";
  }
}

/** It is taken, or can't be changed so. */
export class ConflictError extends VestibuleError {
  static {
    this.prototype.name = "ConflictError";
  }
}

/** The idempotency key came with another request before, or with one that still runs. */
export class IdempotencyError extends ConflictError {
  static {
    this.prototype.name = "IdempotencyError";
  }
}

/** Too many requests; `retryAfter` tells when there is room again. */
export class RateLimitError extends VestibuleError {
  static {
    this.prototype.name = "RateLimitError";
  }
}

/** The server failed, or is not available, or what answered is not Vestibule. */
export class ApiError extends VestibuleError {
  static {
    this.prototype.name = "ApiError";
  }
}

/** No answer came, or not all of it; `cause` tells why. */
export class ConnectionError extends VestibuleError {
  static {
    this.prototype.name = "ConnectionError";
  }
}

/** No answer came in time. */
export class TimeoutError extends ConnectionError {
  static {
    this.prototype.name = "TimeoutError";
  }
}

/** What came as an assertion is none, or is not for you; `param` tells which part of it. */
export class InvalidAssertionError extends VestibuleError {
  static {
    this.prototype.name = "InvalidAssertionError";
  }
}

/** An answer of the server, read whole. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** The error that an answer tells of. */
export function errorFrom({ status, headers, text }: Answer): VestibuleError {
  const told = envelope(text);
  const details: ErrorDetails = {
    code: told?.code ?? "unexpected_answer",
    type: told?.type ?? "api_error",
    param: told?.param,
    status,
    requestId: told?.requestId ?? headers.get("request-id") ?? undefined,
    docUrl: told?.docUrl,
    retryAfter: seconds(headers.get("retry-after")),
  };
  const Class = classOf(details);
  return new Class(told?.message ?? `The server answered ${status}, and not in Vestibule's words.`, details);
}

function classOf({ status = 0, type }: ErrorDetails): typeof VestibuleError {
  switch (status) {
    case 401:
      return AuthenticationError;
    case 403:
      return PermissionError;
    case 404:
      return NotFoundError;
    case 409:
      return type === "idempotency_error" ? IdempotencyError : ConflictError;
    case 429:
      return RateLimitError;
    default:
      return status >= 400 && status < 500 ? InvalidRequestError : ApiError;
  }
}

/** The error that the body holds; something on the way may have answered in other words. */
function envelope(text: string): Schemas["Error"] | undefined {
  try {
    const { error } = JSON.parse(text);
    return typeof error.code === "string" && typeof error.message === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}

/** A `Retry-After`, which is a number of seconds or a date. */
function seconds(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header);
  const until = Date.parse(header) - Date.now();
  return Number.isNaN(until) ? undefined : Math.max(0, Math.ceil(until / 1000));
}
