import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NotFoundError } from "@vestibule/node";
import { lossy } from "./support/fake.mjs";
import { baseUrl, client, someone, withServer } from "./support/real.mjs";

const permissions = ["api.*.read_key"];
const ways = {
  "the connection breaks": (response) => response.socket.destroy(),
  "the answer breaks off": (response) => {
    response.writeHead(201, { "content-length": 1000 });
    response.write("{", () => response.socket.destroy());
  },
  "a proxy gives up": (response) => response.writeHead(504).end(),
  "nothing comes": () => {},
};

describe("the server has done it, but", { ...withServer, concurrency: true }, () => {
  for (const [name, lose] of Object.entries(ways)) {
    const through = async (test, count = 1) => {
      const proxy = await lossy(test, baseUrl, count, lose);
      const timeout = name === "nothing comes" ? 2_000 : 10_000;
      return { ...client({ baseUrl: proxy.url, timeout }), ...proxy };
    };

    it(`${name}: create mints once`, async (test) => {
      const { portalSessions, requests } = await through(test, 2);
      const customerExternalId = someone();
      const { id, token } = await portalSessions.create({ customerExternalId, permissions });
      assert.equal(requests.length, 3);
      assert.deepEqual((await client().portalSessions.list({ customerExternalId })).map(({ id }) => id), [id]);
      assert.equal((await client().portalSessions.exchange(token)).id, id, "the link works");
    });

    it(`${name}: exchange burns nothing`, async (test) => {
      const { portalSessions, requests } = await through(test, 2);
      const { id, token } = await client().portalSessions.create({ customerExternalId: someone(), permissions });
      const session = await portalSessions.exchange(token);
      assert.equal(requests.length, 3);
      const who = await fetch(`${baseUrl}/v1/portal-session`, { headers: { authorization: `Bearer ${session.token}` } });
      assert.deepEqual([who.status, (await who.json()).id], [200, id], "the browser token works");
    });

    it(`${name}: revoke is done`, async (test) => {
      const { portalSessions, requests } = await through(test);
      const { id } = await client().portalSessions.create({ customerExternalId: someone(), permissions });
      await portalSessions.revoke(id);
      assert.equal(requests.length, 2);
      await assert.rejects(client().portalSessions.get(id), NotFoundError);
    });
  }
});
