import { type KeyObject, verify } from "node:crypto";
import { InvalidAssertionError } from "./errors.js";
import type { Fetch } from "./fetch.js";
import { type JsonWebKeySet, keysOf, remoteKey } from "./jwks.js";

/** What the gateway says about who asks. */
export interface AssertionClaims {
  /** Vestibule's public URL. */
  iss: string;
  /** The portal's id. */
  aud: string;
  /** Your own id of the customer. */
  sub: string;
  /** When it ends, in seconds since 1970. */
  exp: number;
  /** When it was made, in seconds since 1970. */
  iat: number;
  /** The assertion's own id. */
  jti: string;
  /** The tenant's id. */
  tenant: string;
  /** The customer's id. */
  customer: string;
  /** The portal session's id. */
  session: string;
  /** What the session may do. */
  permissions: string[];
  /** Whether the portal is shown in preview. */
  preview: boolean;
  /** Whether it is about live rather than test mode. */
  livemode: boolean;
}

/** What an assertion is held against. */
export interface VerifyAssertionOptions {
  /** Vestibule's public URL, as its `VESTIBULE_PUBLIC_URL` has it. */
  issuer: string;
  /** The id of the portal that the assertion must be for, or of several. */
  audience: string | readonly string[];
  /** Where the keys are; `{issuer}/.well-known/jwks.json` unless set. They are kept for up to five minutes. */
  jwksUrl?: string | undefined;
  /** The keys themselves, in place of a URL. */
  jwks?: JsonWebKeySet | undefined;
  /** Seconds that the two clocks may be apart; 5 unless set. */
  clockTolerance?: number | undefined;
  /** Milliseconds that fetching the keys may take; 5 000 unless set. */
  timeout?: number | undefined;
  /** Used in place of the global `fetch`. */
  fetch?: Fetch | undefined;
}

/**
 * Checks the JWT of a `Vestibule-Assertion` header and gives its claims.
 *
 * @throws {InvalidAssertionError} when it is not a valid one: answer 401
 * @throws {ConnectionError | ApiError} when the keys can't be fetched: answer 503
 */
export async function verifyAssertion(
  jwt: string | null | undefined,
  options: VerifyAssertionOptions,
): Promise<AssertionClaims> {
  const { issuer, audience } = options;
  const audiences = [audience].flat();
  if (!issuer || audiences.length === 0 || !audiences.every(Boolean)) {
    throw new TypeError("verifyAssertion: give an issuer and an audience.");
  }
  const clockTolerance = options.clockTolerance ?? 5;
  // Anything else would end the expiry: a text is appended, and infinity is always later.
  if (!Number.isFinite(clockTolerance) || clockTolerance < 0) {
    throw new RangeError("clockTolerance: give a number of seconds.");
  }
  const { header, claims, signed, signature } = parse(jwt);
  demand(header.alg === "EdDSA", "alg", "It is signed in another way than EdDSA.");
  demand(header.crit === undefined, "crit", "It asks for extensions.");
  demand(typeof header.kid === "string", "kid", "It does not name its key.");
  const key = await keyFor(header.kid, options);
  demand(key, "kid", "It names an unknown key.");
  demand(verify(null, signed, key, signature), "signature", "Its signature is wrong.");

  const { iss, aud, exp, iat, sub } = claims;
  demand(iss === issuer, "iss", "It is from another issuer.");
  demand([aud].flat().some((aud) => audiences.includes(aud as string)), "aud", "It is for another audience.");
  const now = Date.now() / 1000;
  demand(typeof exp === "number" && now < exp + clockTolerance, "exp", "It has expired.");
  demand(typeof iat === "number" && iat <= now + clockTolerance, "iat", "It is from the future.");
  demand(typeof sub === "string", "sub", "It does not say whom it is about.");
  return claims as unknown as AssertionClaims;
}

type Fields = Record<string, unknown>;

interface Parts {
  header: Fields;
  claims: Fields;
  signed: Buffer;
  signature: Buffer;
}

function parse(jwt: string | null | undefined): Parts {
  const parts = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(jwt ?? "");
  demand(parts, undefined, "It is not a JWT.");
  const [, header = "", claims = "", signature = ""] = parts;
  return {
    header: fields(header),
    claims: fields(claims),
    signed: Buffer.from(`${header}.${claims}`),
    signature: Buffer.from(signature, "base64url"),
  };
}

function fields(part: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(part, "base64url").toString());
  } catch {}
  demand(typeof value === "object" && value !== null, undefined, "It is not a JWT.");
  return value as Fields;
}

async function keyFor(kid: string, options: VerifyAssertionOptions): Promise<KeyObject | undefined> {
  const { issuer, jwks, timeout = 5_000, fetch = globalThis.fetch } = options;
  if (jwks) return keysOf(jwks).get(kid);
  const { jwksUrl = `${issuer.replace(/\/$/, "")}/.well-known/jwks.json` } = options;
  return remoteKey(jwksUrl, kid, { timeout, fetch });
}

function demand(holds: unknown, param: string | undefined, message: string): asserts holds {
  if (holds) return;
  const code = param === "exp" ? "assertion_expired" : "assertion_invalid";
  throw new InvalidAssertionError(`The assertion is refused. ${message}`, { code, type: "assertion_error", param });
}
