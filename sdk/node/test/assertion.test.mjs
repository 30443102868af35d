import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { describe, it } from "node:test";
import { ApiError, ConnectionError, InvalidAssertionError, VestibuleError, verifyAssertion } from "@vestibule/node";
import { answer, fake } from "./support/fake.mjs";

const issuer = "https://portal.example.com";
const audience = "ptl_06FFNIzBqHtoj7vIDMNL9Z";

function key(kid) {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { kid, privateKey, jwk: { ...publicKey.export({ format: "jwk" }), kid, use: "sig", alg: "EdDSA" } };
}

const [first, second] = [key("first"), key("second")];
const jwks = { keys: [first.jwk] };
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const now = () => Math.floor(Date.now() / 1000);

function claims(changes = {}) {
  const ids = { jti: "a", tenant: "ten_1", customer: "cus_1", session: "ps_1" };
  const more = { permissions: ["api.*.read_key"], preview: false, livemode: true };
  return { iss: issuer, aud: audience, sub: "acme-001", exp: now() + 60, iat: now(), ...ids, ...more, ...changes };
}

function jwt({ by = first, header = {}, ...changes } = {}) {
  const signed = `${encode({ alg: "EdDSA", typ: "JWT", kid: by.kid, ...header })}.${encode(claims(changes))}`;
  return `${signed}.${sign(null, Buffer.from(signed), by.privateKey).toString("base64url")}`;
}

const refusal = async (token, options = {}) => {
  const error = await verifyAssertion(token, { issuer, audience, jwks, ...options }).then(assert.fail, (error) => error);
  assert.ok(error instanceof InvalidAssertionError && error instanceof VestibuleError, error);
  return [error.code, error.param];
};

describe("verifyAssertion", () => {
  it("gives the claims of a valid one", async () => {
    const wanted = claims();
    assert.deepEqual(await verifyAssertion(jwt(wanted), { issuer, audience, jwks }), wanted);
    assert.equal((await verifyAssertion(jwt(), { issuer, audience: ["ptl_other", audience], jwks })).sub, "acme-001");
  });

  it("refuses what is no JWT", async () => {
    for (const token of [undefined, null, "", "a.b", "a.b.c", "....", `${jwt()}.a`, `${jwt()}=`, ` ${jwt()}`, `${encode(null)}.${encode({})}.a`]) {
      assert.deepEqual(await refusal(token), ["assertion_invalid", undefined]);
    }
  });

  it("refuses another algorithm, none and the public key as a secret above all", async () => {
    for (const alg of ["none", "HS256", "RS256", "ES256", "eddsa", undefined]) {
      assert.deepEqual(await refusal(jwt({ header: { alg } })), ["assertion_invalid", "alg"]);
    }
    const signed = `${encode({ alg: "HS256", kid: "first" })}.${encode(claims())}`;
    const mac = createHmac("sha256", Buffer.from(first.jwk.x, "base64url")).update(signed).digest("base64url");
    assert.deepEqual(await refusal(`${signed}.${mac}`), ["assertion_invalid", "alg"]);
  });

  it("refuses what was signed by another key, or changed", async () => {
    assert.deepEqual(await refusal(jwt({ by: { ...second, kid: "first" } })), ["assertion_invalid", "signature"]);
    const [header, , signature] = jwt().split(".");
    assert.deepEqual(await refusal(`${header}.${encode(claims({ sub: "else" }))}.${signature}`), ["assertion_invalid", "signature"]);
    assert.deepEqual(await refusal(jwt({ by: second })), ["assertion_invalid", "kid"]);
    assert.deepEqual(await refusal(jwt({ header: { kid: undefined } })), ["assertion_invalid", "kid"]);
    assert.deepEqual(await refusal(jwt({ header: { kid: "__proto__" } })), ["assertion_invalid", "kid"]);
    assert.deepEqual(await refusal(jwt({ header: { crit: ["b64"] } })), ["assertion_invalid", "crit"]);
  });

  it("believes only keys that are for this", async () => {
    for (const change of [{ kty: "EC" }, { crv: "X25519" }, { use: "enc" }, { alg: "ES256" }, { x: "short" }, { x: undefined }]) {
      const jwks = { keys: [{ ...first.jwk, ...change }] };
      assert.deepEqual(await refusal(jwt(), { jwks }), ["assertion_invalid", "kid"]);
    }
  });

  it("refuses what is for somebody else", async () => {
    assert.deepEqual(await refusal(jwt({ iss: `${issuer}/` })), ["assertion_invalid", "iss"]);
    assert.deepEqual(await refusal(jwt({ iss: undefined })), ["assertion_invalid", "iss"]);
    for (const aud of ["ptl_other", undefined, [], ["ptl_other"], null]) {
      assert.deepEqual(await refusal(jwt({ aud })), ["assertion_invalid", "aud"]);
    }
  });

  it("looks at the clock, with a tolerance", async () => {
    assert.deepEqual(await refusal(jwt({ exp: now() - 6 })), ["assertion_expired", "exp"]);
    assert.deepEqual(await refusal(jwt({ exp: now() }), { clockTolerance: 0 }), ["assertion_expired", "exp"]);
    assert.deepEqual(await refusal(jwt({ iat: now() + 10 })), ["assertion_invalid", "iat"]);
    await verifyAssertion(jwt({ exp: now() - 2, iat: now() + 2 }), { issuer, audience, jwks });
    await verifyAssertion(jwt({ exp: now() - 20 }), { issuer, audience, jwks, clockTolerance: 30 });
    for (const clockTolerance of ["5", Infinity, NaN, -1]) {
      const late = verifyAssertion(jwt({ exp: now() - 1000 }), { issuer, audience, jwks, clockTolerance });
      await assert.rejects(late, RangeError);
    }
    for (const wrong of [undefined, null, "9999999999"]) {
      assert.deepEqual(await refusal(jwt({ exp: wrong })), ["assertion_expired", "exp"]);
      assert.deepEqual(await refusal(jwt({ iat: wrong })), ["assertion_invalid", "iat"]);
    }
  });

  it("does not go without an issuer and an audience", async () => {
    for (const missing of [{ issuer: undefined }, { issuer: "" }, { audience: undefined }, { audience: [] }, { audience: "" }, { audience: [undefined] }]) {
      await assert.rejects(verifyAssertion(jwt(), { issuer, audience, jwks, ...missing }), TypeError);
    }
  });
});

describe("the keys behind a URL", () => {
  const serving = (test, set) => fake(test, (_, response) => answer(response, 200, { keys: set() }));

  it("are fetched once, also by many at a time, and are the issuer's unless named", async (test) => {
    const { url, requests } = await serving(test, () => [first.jwk]);
    const verify = () => verifyAssertion(jwt({ iss: url }), { issuer: url, audience });
    await Promise.all(Array.from({ length: 10 }, verify));
    await verify();
    assert.deepEqual(requests.map(({ url }) => url), ["/.well-known/jwks.json"]);
  });

  it("are fetched again for an unknown one, though not for each", async (test) => {
    let clock = 1e6;
    test.mock.method(performance, "now", () => clock);
    let keys = [first.jwk];
    const { url: jwksUrl, requests } = await serving(test, () => keys);
    const options = { jwks: undefined, jwksUrl };
    await verifyAssertion(jwt(), { issuer, audience, jwksUrl });
    keys = [first.jwk, second.jwk];
    for (let n = 0; n < 5; n++) {
      clock += 5_000;
      assert.deepEqual(await refusal(jwt({ by: second }), options), ["assertion_invalid", "kid"]);
    }
    assert.equal(requests.length, 1);

    clock += 10_000;
    await verifyAssertion(jwt({ by: second }), { issuer, audience, jwksUrl });
    assert.equal(requests.length, 2);
    for (let n = 0; n < 5; n++) {
      clock += 5_000;
      await refusal(jwt({ by: { ...second, kid: `third${n}` } }), options);
    }
    assert.equal(requests.length, 2);
  });

  it("are forgotten in time, so that a withdrawn one ends", async (test) => {
    let clock = 1e6;
    test.mock.method(performance, "now", () => clock);
    let keys = [first.jwk];
    const { url: jwksUrl } = await serving(test, () => keys);
    await verifyAssertion(jwt(), { issuer, audience, jwksUrl });
    keys = [second.jwk];
    await verifyAssertion(jwt(), { issuer, audience, jwksUrl });
    clock += 5 * 60_000 + 1;
    assert.deepEqual(await refusal(jwt(), { jwks: undefined, jwksUrl }), ["assertion_invalid", "kid"]);
  });

  it("that can't be had are not the assertion's fault", async (test) => {
    let status = 503;
    const { url: jwksUrl } = await fake(test, (_, response) => answer(response, status, status === 200 ? jwks : {}));
    await assert.rejects(verifyAssertion(jwt(), { issuer, audience, jwksUrl }), ApiError);
    status = 200;
    await verifyAssertion(jwt(), { issuer, audience, jwksUrl });
    const gone = { jwksUrl: "http://127.0.0.1:9/jwks.json" };
    await assert.rejects(verifyAssertion(jwt(), { issuer, audience, ...gone }), ConnectionError);
    const slow = await fake(test, () => {});
    await assert.rejects(verifyAssertion(jwt(), { issuer, audience, jwksUrl: slow.url, timeout: 50 }), { code: "timeout" });
  });
});
