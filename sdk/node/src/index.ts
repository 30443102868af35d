/**
 * The Node SDK of Vestibule: portal sessions for back ends.
 *
 * @packageDocumentation
 */
export { type AssertionClaims, verifyAssertion, type VerifyAssertionOptions } from "./assertion.js";
export { Vestibule, type VestibuleOptions } from "./client.js";
export {
  ApiError,
  AuthenticationError,
  ConflictError,
  ConnectionError,
  type ErrorDetails,
  IdempotencyError,
  InvalidAssertionError,
  InvalidRequestError,
  NotFoundError,
  PermissionError,
  RateLimitError,
  TimeoutError,
  VestibuleError,
} from "./errors.js";
export type { Fetch } from "./fetch.js";
export type { JsonWebKeySet } from "./jwks.js";
export type { List, Page } from "./list.js";
export type { CreateOptions, ExchangeOptions, PortalSessions } from "./portal-sessions.js";
export type { Limits, RequestOptions } from "./transport.js";
export type {
  CreatedPortalSession,
  CreatePortalSessionParams,
  CustomerReference,
  ExchangedPortalSession,
  ListPortalSessionsParams,
  PortalSession,
  PortalSessionStatus,
} from "./types.js";
export { VERSION } from "./version.js";
