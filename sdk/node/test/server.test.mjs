import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as sdk from "@vestibule/node";
import { baseUrl, client, someone, withServer } from "./support/real.mjs";

const permissions = ["api.*.read_key", "api.*.read_analytics"];

describe("against the server", withServer, () => {
  it("create mints a link that get and list show without its token", async () => {
    const { portalSessions } = client();
    const customerExternalId = someone();
    const returnUrl = "https://your-app.example/billing";
    const created = await portalSessions.create({ customerExternalId, permissions, returnUrl, metadata: { plan: "pro" } });
    assert.match(created.id, /^ps_[0-9A-Za-z]{22}$/);
    assert.match(created.token, /^pst_[0-9A-Za-z]{60}$/);
    assert.equal(created.url, `${baseUrl}/r/${created.token}`);
    assert.equal(created.status, "pending");

    const { token, url, ...rest } = created;
    assert.deepEqual(await portalSessions.get(created.id), rest);
    assert.deepEqual(await portalSessions.list({ customerExternalId }), [rest]);
    assert.deepEqual(await portalSessions.list({ customerId: created.customerId }), [rest]);
    assert.deepEqual([rest.returnUrl, rest.metadata, rest.isUsed], [returnUrl, { plan: "pro" }, false]);
  });

  it("create gives a browser token at once when asked to", async () => {
    const { portalSessions } = client();
    const created = await portalSessions.create({ customerExternalId: someone(), permissions, mode: "token" });
    assert.match(created.token, /^bst_/);
    assert.deepEqual([created.url, created.status], [null, "active"]);
  });

  it("create with the same idempotency key is the same link", async () => {
    const { portalSessions } = client();
    const customerExternalId = someone();
    const options = { idempotencyKey: customerExternalId };
    const first = await portalSessions.create({ customerExternalId, permissions }, options);
    assert.deepEqual(await portalSessions.create({ customerExternalId, permissions }, options), first);
    await assert.rejects(portalSessions.create({ customerExternalId, permissions, preview: true }, options), (error) => {
      assert.ok(error instanceof sdk.IdempotencyError && error instanceof sdk.ConflictError);
      assert.deepEqual([error.status, error.code], [409, "idempotency_conflict"]);
      return true;
    });
    assert.equal((await portalSessions.list({ customerExternalId })).length, 1);
    assert.notEqual((await portalSessions.create({ customerExternalId, permissions })).id, first.id);
  });

  it("list goes over all pages, in both directions", async () => {
    const { portalSessions } = client();
    const customerExternalId = someone();
    const made = [];
    for (let n = 0; n < 7; n++) made.push((await portalSessions.create({ customerExternalId, permissions })).id);
    const newestFirst = [...made].reverse();
    const ids = async (list) => {
      const ids = [];
      for await (const { id } of list) ids.push(id);
      return ids;
    };
    assert.deepEqual(await ids(portalSessions.list({ customerExternalId, limit: 3 })), newestFirst);
    assert.deepEqual(await ids(portalSessions.list({ customerExternalId, limit: 2, endingBefore: made[0] })), made.slice(1));
    const page = await portalSessions.list({ customerExternalId, limit: 3 }).page();
    assert.deepEqual([page.data.map(({ id }) => id), page.hasMore], [newestFirst.slice(0, 3), true]);
    assert.equal((await portalSessions.list({ customerExternalId, limit: 7 }).page()).hasMore, false);
  });

  it("list shows used sessions when asked to", async () => {
    const { portalSessions } = client();
    const customerExternalId = someone();
    const { id, token } = await portalSessions.create({ customerExternalId, permissions });
    await portalSessions.exchange(token);
    assert.deepEqual(await portalSessions.list({ customerExternalId }), []);
    for (const filter of [{ includeExpired: true }, { status: "active" }]) {
      const [session] = await portalSessions.list({ customerExternalId, ...filter });
      assert.deepEqual([session.id, session.isUsed, session.status], [id, true, "active"]);
    }
  });

  it("exchange gives a browser token once", async () => {
    const { portalSessions } = client();
    const { id, token } = await portalSessions.create({ customerExternalId: someone(), permissions });
    const session = await portalSessions.exchange(token);
    assert.match(session.token, /^bst_[0-9A-Za-z]{60}$/);
    assert.deepEqual([session.id, session.status, session.tabs], [id, "active", ["keys", "analytics", "docs"]]);
    assert.equal(session.expiresAt, session.browserSession.expiresAt);
    const who = await fetch(`${baseUrl}/v1/portal-session`, { headers: { authorization: `Bearer ${session.token}` } });
    assert.equal((await who.json()).id, id);
    await assert.rejects(portalSessions.exchange(token), (error) => {
      assert.ok(error instanceof sdk.AuthenticationError);
      assert.deepEqual([error.status, error.code], [401, "session_invalid"]);
      return true;
    });
  });

  it("exchange has one winner among many", async () => {
    const { portalSessions } = client();
    const { token } = await portalSessions.create({ customerExternalId: someone(), permissions });
    const calls = await Promise.allSettled(Array.from({ length: 20 }, () => portalSessions.exchange(token)));
    assert.equal(calls.filter(({ status }) => status === "fulfilled").length, 1);
  });

  it("revoke is for good", async () => {
    const { portalSessions } = client();
    const { id, token } = await portalSessions.create({ customerExternalId: someone(), permissions });
    assert.equal(await portalSessions.revoke(id), undefined);
    await assert.rejects(portalSessions.exchange(token), sdk.AuthenticationError);
    await assert.rejects(portalSessions.get(id), sdk.NotFoundError);
    await assert.rejects(portalSessions.revoke(id), sdk.NotFoundError);
  });

  it("errors carry what the server says", async () => {
    const { portalSessions } = client();
    const call = portalSessions.create({ customerExternalId: someone(), permissions: ["api.*.read_key", "nonsense"] });
    const error = await call.then(assert.fail, (error) => error);
    assert.ok(error instanceof sdk.InvalidRequestError);
    assert.deepEqual([error.status, error.code, error.type], [400, "validation_error", "invalid_request_error"]);
    assert.equal(error.param, "permissions[1]");
    assert.match(error.requestId, /^req_[0-9A-Za-z]{22}$/);
    assert.match(error.docUrl, /^https?:.*\/docs\/errors#validation_error$/);

    await assert.rejects(portalSessions.create({}), { name: "InvalidRequestError", code: "invalid_request" });
    await assert.rejects(portalSessions.create({ customerExternalId: "a", retrunUrl: "x" }), { param: "retrunUrl" });
    await assert.rejects(portalSessions.create({ customerExternalId: "a", portal: "elsewhere" }), sdk.NotFoundError);
    await assert.rejects(portalSessions.list({ limit: 101 }), { name: "InvalidRequestError", param: "limit" });
    await assert.rejects(portalSessions.get("ps_0000000000000000000000"), { name: "NotFoundError", code: "resource_missing" });
  });

  it("keys see and do what is theirs", async () => {
    const { portalSessions } = client();
    const { id } = await portalSessions.create({ customerExternalId: someone(), permissions });
    const stranger = client({}, process.env.VESTIBULE_OTHER_SECRET_KEY).portalSessions;
    await assert.rejects(stranger.get(id), sdk.NotFoundError);
    await assert.rejects(stranger.revoke(id), sdk.NotFoundError);
    const reader = client({}, process.env.VESTIBULE_READING_KEY).portalSessions;
    assert.equal((await reader.get(id)).id, id);
    await assert.rejects(reader.revoke(id), sdk.NotFoundError);
    assert.throws(() => client({}, process.env.VESTIBULE_PUBLISHABLE_KEY), sdk.AuthenticationError);
    const nobody = client({}, `vst_sk_test_${"0".repeat(60)}`).portalSessions;
    await assert.rejects(nobody.list(), { name: "AuthenticationError", status: 401, code: "unauthenticated" });
  });
});
