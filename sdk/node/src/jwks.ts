import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { errorFrom } from "./errors.js";
import { type Fetch, send } from "./fetch.js";

/** A JSON Web Key Set (RFC 7517). */
export interface JsonWebKeySet {
  keys: (JsonWebKey & { kid?: string | undefined })[];
}

/** How to fetch a set. */
export interface Fetching {
  fetch: Fetch;
  timeout: number;
}

/** Milliseconds after which a key that was withdrawn is no longer believed. */
const LONGEST_KEPT = 5 * 60_000;
/** Milliseconds between two fetches: made-up key ids shall not become a flood of them. */
const SHORTEST_INTERVAL = 30_000;

/** The keys behind one URL. */
class RemoteKeys {
  readonly #url: string;
  #keys = new Map<string, KeyObject>();
  #fetchedAt = -Infinity;
  #askedAt = -Infinity;
  #running: Promise<void> | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  async find(kid: string, fetching: Fetching): Promise<KeyObject | undefined> {
    const now = performance.now();
    const isStale = now - this.#fetchedAt > LONGEST_KEPT;
    const mayAsk = now - this.#askedAt > SHORTEST_INTERVAL || this.#running;
    if (isStale || (mayAsk && !this.#keys.has(kid))) await this.#refresh(fetching);
    return this.#keys.get(kid);
  }

  /** Fetches the set; who comes meanwhile waits for the same answer. */
  #refresh(fetching: Fetching): Promise<void> {
    this.#running ??= this.#fetch(fetching).finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #fetch(fetching: Fetching): Promise<void> {
    this.#askedAt = performance.now();
    const headers = { accept: "application/json" };
    const answer = await send({ url: this.#url, name: "GET JWKS", method: "GET", headers, ...fetching });
    const set = answer.status === 200 ? parsed(answer.text) : undefined;
    if (!set) throw errorFrom(answer);
    this.#keys = keysOf(set);
    this.#fetchedAt = performance.now();
  }
}

const remotes = new Map<string, RemoteKeys>();

/** The key `kid` of the set behind a URL. */
export function remoteKey(url: string, kid: string, fetching: Fetching): Promise<KeyObject | undefined> {
  const keys = remotes.get(url) ?? new RemoteKeys(url);
  remotes.set(url, keys);
  return keys.find(kid, fetching);
}

/** The Ed25519 keys of a set by id; others are not for us. */
export function keysOf(set: JsonWebKeySet): Map<string, KeyObject> {
  const keys = new Map<string, KeyObject>();
  for (const { kid, kty, crv, x, use = "sig", alg = "EdDSA" } of set.keys) {
    if (typeof kid !== "string" || kty !== "OKP" || crv !== "Ed25519" || use !== "sig" || alg !== "EdDSA") continue;
    try {
      keys.set(kid, createPublicKey({ key: { kty, crv, x: x as string }, format: "jwk" }));
    } catch {
      // A key that is none verifies nothing.
    }
  }
  return keys;
}

function parsed(text: string): JsonWebKeySet | undefined {
  try {
    const set = JSON.parse(text);
    return Array.isArray(set.keys) ? set : undefined;
  } catch {
    return undefined;
  }
}
