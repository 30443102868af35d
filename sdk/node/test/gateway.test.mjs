import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvalidAssertionError, verifyAssertion } from "@vestibule/node";
import { answer, fake } from "./support/fake.mjs";
import { baseUrl, client, secretKey, someone, withServer } from "./support/real.mjs";

const call = async (method, path, key, body) => {
  const headers = { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }) };
  const response = await fetch(baseUrl + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  assert.ok(response.ok, `${path}: ${response.status}`);
  return response.json();
};

describe("an assertion of the real gateway", withServer, () => {
  it("is verified by the keys that the server publishes", async (test) => {
    const { url: upstreamUrl, requests } = await fake(test, (_, response) => answer(response, 200, { data: [] }));
    const portal = await call("POST", "/v1/portals", secretKey, { slug: someone(), upstreamUrl });
    const wanted = { customerExternalId: someone(), portal: portal.id, permissions: ["api.*.read_key"], mode: "token" };
    const session = await client().portalSessions.create(wanted);
    await call("GET", `/v1/portals/${portal.id}/api/keys`, session.token);

    const [{ url, headers }] = requests;
    assert.equal(url, "/keys");
    const jwt = headers["vestibule-assertion"];
    const issuer = baseUrl;
    const claims = await verifyAssertion(jwt, { issuer, audience: portal.id });
    assert.equal(claims.sub, wanted.customerExternalId);
    assert.deepEqual([claims.iss, claims.aud, claims.exp - claims.iat], [issuer, portal.id, 60]);
    assert.deepEqual([claims.customer, claims.session], [session.customerId, session.id]);
    assert.match(claims.tenant, /^ten_/);
    assert.deepEqual(claims.permissions, wanted.permissions);
    assert.deepEqual([claims.preview, claims.livemode], [false, false]);

    const refused = (jwt, audience) => assert.rejects(verifyAssertion(jwt, { issuer, audience }), InvalidAssertionError);
    await refused(jwt, "ptl_other");
    const [header, body, signature] = jwt.split(".");
    const forged = { ...claims, sub: "somebody-else" };
    await refused([header, Buffer.from(JSON.stringify(forged)).toString("base64url"), signature].join("."), portal.id);
    await refused([header, body, signature.replace(/^./, (first) => (first === "A" ? "B" : "A"))].join("."), portal.id);
  });
});
