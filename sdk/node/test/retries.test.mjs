import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConnectionError, RateLimitError, TimeoutError, Vestibule } from "@vestibule/node";
import { answer, fake, KEY, refuse } from "./support/fake.mjs";

const customer = { customerExternalId: "acme-001" };

async function client(test, handle, options = {}) {
  const server = await fake(test, handle);
  return { ...server, ...new Vestibule(KEY, { baseUrl: server.url, ...options }) };
}

/** A server that fails once and then gives an answer. */
const failingOnce = (fail) => (_, response, number) => (number === 1 ? fail(response) : answer(response, 200, { id: "ps_1" }));

describe("a call is repeated after", { concurrency: true }, () => {
  const passing = {
    "a broken connection": (response) => response.socket.destroy(),
    "half an answer": (response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("{", () => response.socket.destroy());
    },
    "an answer of something on the way": (response) => response.end("<h1>One moment</h1>"),
    "408": (response) => refuse(response, 408, "invalid_request"),
    "409 in progress": (response) => refuse(response, 409, "idempotency_in_progress", { type: "idempotency_error" }),
    "429": (response) => refuse(response, 429, "rate_limit_exceeded"),
    "500": (response) => refuse(response, 500, "internal_error"),
    "502 in other words": (response) => response.writeHead(502).end("Bad gateway"),
    "503": (response) => refuse(response, 503, "unavailable"),
  };
  for (const [name, fail] of Object.entries(passing)) {
    it(name, async (test) => {
      const { portalSessions, requests } = await client(test, failingOnce(fail));
      assert.deepEqual(await portalSessions.create(customer), { id: "ps_1" });
      assert.equal(requests.length, 2);
      const [first, second] = requests;
      assert.match(first.headers["idempotency-key"], /^[\w-]{16,}$/);
      assert.equal(second.headers["idempotency-key"], first.headers["idempotency-key"]);
      assert.equal(second.body, first.body);
    });
  }

  it("a time-out", async (test) => {
    const { portalSessions, requests } = await client(test, failingOnce(() => {}), { timeout: 500 });
    assert.deepEqual(await portalSessions.get("ps_1"), { id: "ps_1" });
    assert.equal(requests.length, 2);
  });
});

describe("a call is not repeated after", () => {
  for (const [status, code] of [[400, "validation_error"], [401, "unauthenticated"], [403, "permission_denied"], [404, "resource_missing"], [409, "conflict"], [409, "idempotency_conflict"]]) {
    it(`${status} ${code}`, async (test) => {
      const { portalSessions, requests } = await client(test, (_, response) => refuse(response, status, code));
      await assert.rejects(portalSessions.create(customer), { status, code });
      assert.equal(requests.length, 1);
    });
  }

  it("a Retry-After of more than a minute", async (test) => {
    const headers = { "retry-after": "61" };
    const { portalSessions, requests } = await client(test, (_, response) => refuse(response, 429, "rate_limit_exceeded", { headers }));
    const error = await portalSessions.get("ps_1").then(assert.fail, (error) => error);
    assert.ok(error instanceof RateLimitError);
    assert.equal(error.retryAfter, 61);
    assert.equal(requests.length, 1);
  });
});

describe("repeats", { concurrency: true }, () => {
  it("end after maxRetries, of the client or of the call", async (test) => {
    const { portalSessions, requests } = await client(test, (_, response) => refuse(response, 503, "unavailable"), { maxRetries: 1 });
    await assert.rejects(portalSessions.get("ps_1"), { code: "unavailable" });
    assert.equal(requests.length, 2);
    await assert.rejects(portalSessions.get("ps_1", { maxRetries: 0 }), { code: "unavailable" });
    assert.equal(requests.length, 3);
  });

  it("wait longer each time", async (test) => {
    const times = [];
    const { portalSessions } = await client(test, (_, response) => {
      times.push(performance.now());
      refuse(response, 503, "unavailable");
    });
    await assert.rejects(portalSessions.get("ps_1"));
    const [first, second] = [times[1] - times[0], times[2] - times[1]];
    assert.ok(first >= 245 && second >= 495, `${first}, ${second}`);
  });

  it("wait as long as the server asks for", async (test) => {
    const times = [];
    const { portalSessions } = await client(test, (_, response, number) => {
      times.push(performance.now());
      if (number === 1) return refuse(response, 503, "unavailable", { headers: { "retry-after": "1" } });
      answer(response, 200, {});
    });
    await portalSessions.get("ps_1");
    assert.ok(times[1] - times[0] >= 1000);
  });

  it("keep an idempotency key and a nonce that the caller chose", async (test) => {
    const { portalSessions, requests } = await client(test, (_, response, number) =>
      number % 2 ? response.socket.destroy() : answer(response, 200, {}),
    );
    await portalSessions.create(customer, { idempotencyKey: "order-7" });
    await portalSessions.exchange("pst_a", { nonce: "0123456789abcdef" });
    assert.deepEqual(requests.slice(0, 2).map(({ headers }) => headers["idempotency-key"]), ["order-7", "order-7"]);
    for (const { body, headers } of requests.slice(2)) {
      assert.deepEqual(JSON.parse(body), { token: "pst_a", nonce: "0123456789abcdef", transport: "bearer" });
      assert.equal(headers["idempotency-key"], undefined);
    }
  });

  it("have an idempotency key and a nonce also where the caller's is null", async (test) => {
    const { portalSessions, requests } = await client(test, (_, response) => answer(response, 200, {}));
    for (const _ of [1, 2]) await portalSessions.create(customer, { idempotencyKey: null });
    await portalSessions.exchange("pst_a", { nonce: null });
    const keys = requests.slice(0, 2).map(({ headers }) => headers["idempotency-key"]);
    assert.notEqual(keys[0], keys[1]);
    for (const given of [...keys, JSON.parse(requests[2].body).nonce]) assert.match(given, /^[\w-]{16,}$/);
  });

  it("of an exchange have one nonce, and two exchanges two", async (test) => {
    const { portalSessions, requests } = await client(test, failingOnce((response) => response.socket.destroy()));
    await portalSessions.exchange("pst_a");
    await portalSessions.exchange("pst_a");
    const [first, second, third] = requests.map(({ body }) => JSON.parse(body).nonce);
    assert.match(first, /^[\w-]{32}$/);
    assert.equal(second, first);
    assert.notEqual(third, first);
  });
});

describe("a time limit", () => {
  it("is for each try, also when the answer drips", async (test) => {
    const { portalSessions, requests } = await client(test, (_, response) => response.writeHead(200).write("{"), { timeout: 100, maxRetries: 1 });
    const error = await portalSessions.get("ps_1").then(assert.fail, (error) => error);
    assert.ok(error instanceof TimeoutError && error instanceof ConnectionError);
    assert.deepEqual([error.code, error.name], ["timeout", "TimeoutError"]);
    assert.equal(requests.length, 2);
  });

  it("can be set for a call", async (test) => {
    const { portalSessions } = await client(test, () => {}, { maxRetries: 0 });
    await assert.rejects(portalSessions.get("ps_1", { timeout: 50 }), TimeoutError);
  });
});

describe("a caller's signal", () => {
  const reason = new Error("enough");

  it("ends a call that runs", async (test) => {
    const { portalSessions, requests } = await client(test, () => setTimeout(() => controller.abort(reason), 20));
    const controller = new AbortController();
    await assert.rejects(portalSessions.get("ps_1", { signal: controller.signal }), reason);
    assert.equal(requests.length, 1);
  });

  it("ends a wait", async (test) => {
    const { portalSessions, requests } = await client(test, (_, response) => {
      refuse(response, 503, "unavailable", { headers: { "retry-after": "60" } });
      setTimeout(() => controller.abort(reason), 50);
    });
    const controller = new AbortController();
    await assert.rejects(portalSessions.get("ps_1", { signal: controller.signal }), reason);
    assert.equal(requests.length, 1);
  });

  it("that was given before lets nothing out", async (test) => {
    const { portalSessions, requests } = await client(test, (_, response) => answer(response, 200, {}));
    await assert.rejects(portalSessions.get("ps_1", { signal: AbortSignal.abort(reason) }), reason);
    assert.equal(requests.length, 0);
  });
});

describe("revoking", () => {
  it("is done when the repeat of a lost try finds nothing", async (test) => {
    const { portalSessions, requests } = await client(test, (_, response, number) =>
      number === 1 ? response.socket.destroy() : refuse(response, 404, "resource_missing"),
    );
    assert.equal(await portalSessions.revoke("ps_1"), undefined);
    assert.equal(requests.length, 2);
  });

  it("finds nothing when the first try was turned away", async (test) => {
    const { portalSessions } = await client(test, (_, response, number) =>
      number === 1 ? refuse(response, 429, "rate_limit_exceeded") : refuse(response, 404, "resource_missing"),
    );
    await assert.rejects(portalSessions.revoke("ps_1"), { name: "NotFoundError" });
  });
});

it("a fetch of the caller's own is used", async () => {
  const fetch = async (url, { method }) => new Response(JSON.stringify({ id: `${method} ${url}` }));
  const { portalSessions } = new Vestibule(KEY, { baseUrl: "https://portal.example.com", fetch });
  assert.deepEqual(await portalSessions.get("ps_1"), { id: "GET https://portal.example.com/v1/portal-sessions/ps_1" });
});
