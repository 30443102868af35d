import { AuthenticationError } from "./errors.js";
import type { Fetch } from "./fetch.js";
import { PortalSessions } from "./portal-sessions.js";
import { type Limits, Transport } from "./transport.js";

/** A client's settings. */
export interface VestibuleOptions extends Limits {
  /** Where your Vestibule is, for example `https://portal.example.com`. */
  baseUrl: string;
  /** Used in place of the global `fetch`. */
  fetch?: Fetch | undefined;
  /** Lets the client run where there is a `window`: for tests, since a browser shows its user the secret key. */
  dangerouslyAllowBrowser?: boolean | undefined;
}

/** A client of a Vestibule server, for back ends. */
export class Vestibule {
  /** Portal sessions: one-time links, and the browser sessions that they become. */
  readonly portalSessions: PortalSessions;

  /**
   * @param secretKey `vst_sk_live_…` or `vst_sk_test_…`
   * @throws {AuthenticationError} for anything else, a publishable key above all, and in a browser
   */
  constructor(secretKey: string | undefined, options: VestibuleOptions) {
    const key = secret(secretKey);
    const { baseUrl, fetch, dangerouslyAllowBrowser = false, ...limits } = options ?? {};
    if (!dangerouslyAllowBrowser && "window" in globalThis && "document" in globalThis) {
      throw refused("A secret key does not belong in a browser, where everybody can read it.");
    }
    this.portalSessions = new PortalSessions(new Transport(key, base(baseUrl), limits, fetch));
  }
}

function secret(key: string | undefined): string {
  if (typeof key !== "string" || key === "") {
    throw refused("Give a secret key, vst_sk_live_… or vst_sk_test_….");
  }
  if (key.startsWith("vst_pk_")) {
    throw refused("This is a publishable key; it can't call this API. Use a secret key.");
  }
  if (!/^vst_sk_(live|test)_[0-9A-Za-z]{60}$/.test(key)) {
    throw refused("This is not a secret key, or not all of one: vst_sk_live_ or vst_sk_test_ and 60 letters and digits.");
  }
  return key;
}

function refused(message: string): AuthenticationError {
  return new AuthenticationError(message, { code: "unauthenticated", type: "authentication_error" });
}

/** The base URL without a slash at its end. */
function base(url: string): string {
  const { protocol, username, password, search, hash, href } = parsed(url);
  if (!/^https?:$/.test(protocol) || username || password || search || hash) {
    throw new TypeError("baseUrl: give an http or https URL without user, query and fragment.");
  }
  return href.replace(/\/+$/, "");
}

function parsed(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new TypeError("baseUrl: give the URL of your Vestibule, such as https://portal.example.com.");
  }
}
