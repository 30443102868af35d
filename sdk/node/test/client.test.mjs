import assert from "node:assert/strict";
import { inspect } from "node:util";
import { describe, it } from "node:test";
import { AuthenticationError, Vestibule, VestibuleError } from "@vestibule/node";
import { fake, KEY, refuse } from "./support/fake.mjs";

const baseUrl = "http://127.0.0.1:9";

describe("the constructor", () => {
  it("takes a secret key of either mode", () => {
    new Vestibule(KEY, { baseUrl });
    new Vestibule(KEY.replace("test", "live"), { baseUrl: "https://portal.example.com/behind/" });
  });

  it("refuses a publishable key, whatever follows", () => {
    for (const key of [KEY.replace("sk", "pk"), "vst_pk_live_", "vst_pk_test_x"]) {
      const wanted = { constructor: AuthenticationError, code: "unauthenticated", type: "authentication_error" };
      assert.throws(() => new Vestibule(key, { baseUrl }), (error) => {
        assert.match(error.message, /publishable key/);
        assert.ok(error instanceof VestibuleError && error instanceof Error);
        assert.equal(error.name, "AuthenticationError");
        for (const [field, value] of Object.entries(wanted)) assert.equal(error[field], value);
        return true;
      });
    }
    assert.throws(() => new Vestibule("vst_pk_test_x"), AuthenticationError, "before the options are looked at");
  });

  it("refuses what is no key, without repeating it", () => {
    for (const key of ["", undefined, null, 7, "sk_test_123", KEY.slice(1), KEY.slice(0, -1), `${KEY}0`, `${KEY}\n`, ` ${KEY}`, KEY.replace("0000", "00-0")]) {
      assert.throws(() => new Vestibule(key, { baseUrl }), (error) => {
        assert.ok(error instanceof AuthenticationError, String(key));
        assert.ok(!inspect(error).includes("00000000"));
        return true;
      });
    }
  });

  it("refuses a base URL that is none", () => {
    for (const baseUrl of [undefined, "", "portal.example.com", "ftp://a.example", "https://u:p@a.example", "https://a.example/?b", "https://a.example/#c"]) {
      assert.throws(() => new Vestibule(KEY, { baseUrl }), TypeError, baseUrl);
    }
    assert.throws(() => new Vestibule(KEY), TypeError);
  });

  it("refuses limits that make no sense", () => {
    for (const limits of [{ timeout: 0 }, { timeout: -1 }, { timeout: Infinity }, { timeout: "soon" }, { maxRetries: -1 }, { maxRetries: NaN }]) {
      assert.throws(() => new Vestibule(KEY, { baseUrl, ...limits }), RangeError);
    }
  });

  it("refuses to be in a browser, unless told to", (test) => {
    globalThis.window = globalThis.document = {};
    test.after(() => {
      delete globalThis.window;
      delete globalThis.document;
    });
    assert.throws(() => new Vestibule(KEY, { baseUrl }), AuthenticationError);
    new Vestibule(KEY, { baseUrl, dangerouslyAllowBrowser: true });
  });
});

describe("the secret key", () => {
  const options = { depth: null, showHidden: true, getters: true };

  it("is not shown by the client", () => {
    const client = new Vestibule(KEY, { baseUrl });
    assert.ok(!inspect(client, options).includes(KEY));
    assert.ok(!JSON.stringify(client).includes(KEY));
  });

  it("is not shown by errors, and neither is a token", async (test) => {
    const { url } = await fake(test, (_, response) => refuse(response, 401, "unauthenticated"));
    for (const baseUrl of [url, "http://127.0.0.1:9"]) {
      const client = new Vestibule(KEY, { baseUrl, maxRetries: 0 });
      for (const call of [client.portalSessions.get("ps_1"), client.portalSessions.exchange("pst_token")]) {
        const error = await call.then(assert.fail, (error) => error);
        assert.ok(error instanceof VestibuleError);
        for (const text of [inspect(error, options), JSON.stringify(error), error.stack]) {
          assert.ok(!text.includes(KEY) && !text.includes("pst_token"), text);
        }
      }
    }
  });

  it("goes with every call but the exchange", async (test) => {
    const { url, requests } = await fake(test, (_, response) => response.end("{}"));
    const { portalSessions } = new Vestibule(KEY, { baseUrl: `${url}/behind/` });
    await portalSessions.get("ps_1");
    await portalSessions.exchange("pst_token");
    assert.equal(requests[0].url, "/behind/v1/portal-sessions/ps_1");
    assert.equal(requests[0].headers.authorization, `Bearer ${KEY}`);
    assert.match(requests[0].headers["user-agent"], /^vestibule-node\/\d/);
    assert.equal(requests[1].headers.authorization, undefined);
    assert.ok(!JSON.stringify(requests[1]).includes(KEY));
  });
});

it("an argument that could lead elsewhere is not sent", async (test) => {
  const { url, requests } = await fake(test, (_, response) => response.end("{}"));
  const { portalSessions } = new Vestibule(KEY, { baseUrl: url });
  for (const id of ["", "..", "a/b", "a?b", "a b", undefined, null]) {
    await assert.rejects(portalSessions.get(id), { name: "InvalidRequestError", param: "id" });
    await assert.rejects(portalSessions.revoke(id), { name: "InvalidRequestError", param: "id" });
  }
  for (const idempotencyKey of ["", "a b", "a\nb", "ä", "a".repeat(256)]) {
    const call = portalSessions.create({ customerExternalId: "a" }, { idempotencyKey });
    await assert.rejects(call, { name: "InvalidRequestError", param: "idempotencyKey" });
  }
  assert.deepEqual(requests, []);
});
