import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Vestibule } from "@vestibule/node";
import { answer, fake, KEY, refuse } from "./support/fake.mjs";

/** Entries 9 to 1, newest first, in pages of `limit`, which is 4 unless set. */
function pages({ url }, response) {
  const query = new URL(url, "http://a").searchParams;
  const all = [9, 8, 7, 6, 5, 4, 3, 2, 1].map((n) => ({ id: `ps_${n}` }));
  const limit = Number(query.get("limit") ?? 4);
  const place = (name) => all.findIndex(({ id }) => id === query.get(name));
  const [after, before] = [place("startingAfter"), place("endingBefore")];
  const start = query.has("endingBefore") ? Math.max(0, before - limit) : after + 1;
  const data = all.slice(start, query.has("endingBefore") ? before : start + limit);
  const hasMore = query.has("endingBefore") ? start > 0 : start + limit < all.length;
  answer(response, 200, { object: "list", url: "/v1/portal-sessions", data, hasMore });
}

async function collected(list) {
  const ids = [];
  for await (const { id } of list) ids.push(id);
  return ids.map((id) => Number(id.slice(3)));
}

describe("a list", () => {
  it("is an array of one page when awaited", async (test) => {
    const { url, requests } = await fake(test, pages);
    const { portalSessions } = new Vestibule(KEY, { baseUrl: url });
    const list = portalSessions.list();
    const array = await list;
    assert.ok(Array.isArray(array));
    assert.deepEqual(array.map(({ id }) => id), ["ps_9", "ps_8", "ps_7", "ps_6"]);
    assert.deepEqual(await list, array);
    assert.equal((await list.page()).hasMore, true);
    assert.equal(requests.length, 1, "read once");
  });

  it("is every entry when iterated", async (test) => {
    const { url, requests } = await fake(test, pages);
    const { portalSessions } = new Vestibule(KEY, { baseUrl: url });
    const list = portalSessions.list({ portal: "default", includeExpired: true });
    assert.deepEqual(await collected(list), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert.deepEqual(requests.map(({ url }) => url), [
      "/v1/portal-sessions?portal=default&includeExpired=true",
      "/v1/portal-sessions?portal=default&includeExpired=true&startingAfter=ps_6",
      "/v1/portal-sessions?portal=default&includeExpired=true&startingAfter=ps_2",
    ]);
    assert.deepEqual(await collected(list), [9, 8, 7, 6, 5, 4, 3, 2, 1], "and again");
    assert.deepEqual(await collected(portalSessions.list({ startingAfter: "ps_3" })), [2, 1]);
  });

  it("goes towards the new behind an endingBefore", async (test) => {
    const { url } = await fake(test, pages);
    const { portalSessions } = new Vestibule(KEY, { baseUrl: url });
    assert.deepEqual(await collected(portalSessions.list({ endingBefore: "ps_2", limit: 3 })), [3, 4, 5, 6, 7, 8, 9]);
    const page = await portalSessions.list({ endingBefore: "ps_2", limit: 3 });
    assert.deepEqual(page.map(({ id }) => id), ["ps_5", "ps_4", "ps_3"], "a page is newest first");
  });

  it("asks for no more than is read", async (test) => {
    const { url, requests } = await fake(test, pages);
    const { portalSessions } = new Vestibule(KEY, { baseUrl: url });
    for await (const { id } of portalSessions.list()) if (id === "ps_7") break;
    portalSessions.list();
    assert.equal(requests.length, 1);
  });

  it("leaves out what is not given", async (test) => {
    const { url, requests } = await fake(test, pages);
    const { portalSessions } = new Vestibule(KEY, { baseUrl: url });
    await portalSessions.list({ customerId: undefined, portal: null, startingAfter: undefined, customerExternalId: "a&b=c" });
    assert.equal(requests[0].url, "/v1/portal-sessions?customerExternalId=a%26b%3Dc");
  });

  it("does not begin anew when a cursor got lost", async (test) => {
    const { url, requests } = await fake(test, pages);
    const { portalSessions } = new Vestibule(KEY, { baseUrl: url });
    await portalSessions.list({ startingAfter: "" });
    assert.equal(requests[0].url, "/v1/portal-sessions?startingAfter=");
  });

  it("fails as a promise does", async (test) => {
    const { url } = await fake(test, (_, response) => refuse(response, 403, "permission_denied"));
    const { portalSessions } = new Vestibule(KEY, { baseUrl: url });
    await assert.rejects(portalSessions.list(), { name: "PermissionError" });
    assert.equal(await portalSessions.list().catch(({ code }) => code), "permission_denied");
    await assert.rejects(portalSessions.list().finally(() => {}), { name: "PermissionError" });
    await assert.rejects(collected(portalSessions.list()), { name: "PermissionError" });
  });
});
