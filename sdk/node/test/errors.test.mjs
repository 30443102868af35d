import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as sdk from "@vestibule/node";
import { fake, KEY, refuse } from "./support/fake.mjs";

/** The error of a call that is answered so. */
async function failure(test, handle) {
  const { url } = await fake(test, handle);
  const { portalSessions } = new sdk.Vestibule(KEY, { baseUrl: url, maxRetries: 0 });
  return portalSessions.get("ps_1").then(assert.fail, (error) => error);
}

describe("an error", () => {
  const table = [
    [400, "validation_error", "invalid_request_error", sdk.InvalidRequestError],
    [401, "unauthenticated", "authentication_error", sdk.AuthenticationError],
    [403, "permission_denied", "permission_error", sdk.PermissionError],
    [404, "resource_missing", "invalid_request_error", sdk.NotFoundError],
    [405, "method_not_allowed", "invalid_request_error", sdk.InvalidRequestError],
    [409, "conflict", "invalid_request_error", sdk.ConflictError],
    [409, "idempotency_conflict", "idempotency_error", sdk.IdempotencyError],
    [413, "body_too_large", "invalid_request_error", sdk.InvalidRequestError],
    [415, "unsupported_media_type", "invalid_request_error", sdk.InvalidRequestError],
    [429, "rate_limit_exceeded", "rate_limit_error", sdk.RateLimitError],
    [500, "internal_error", "api_error", sdk.ApiError],
    [503, "unavailable", "api_error", sdk.ApiError],
  ];
  for (const [status, code, type, Class] of table) {
    it(`${status} ${code} is a ${Class.name}`, async (test) => {
      const error = await failure(test, (_, response) => refuse(response, status, code, { type, param: "permissions[0]" }));
      assert.equal(error.constructor, Class);
      assert.equal(error.name, Class.name);
      const wanted = { message: `It is ${code}.`, code, type, status, param: "permissions[0]", requestId: "req_1", docUrl: "d" };
      for (const [field, value] of Object.entries(wanted)) assert.equal(error[field], value, field);
    });
  }

  it("tells when to come back, by seconds or by date", async (test) => {
    for (const [header, least, most] of [["7", 7, 7], [new Date(Date.now() + 20_000).toUTCString(), 18, 20], ["soon", undefined, undefined]]) {
      const error = await failure(test, (_, response) =>
        refuse(response, 429, "rate_limit_exceeded", { headers: { "retry-after": header } }),
      );
      assert.ok(error.retryAfter === least || (error.retryAfter >= least && error.retryAfter <= most), header);
    }
  });

  it("is typed too when something else answers", async (test) => {
    const table = [[401, sdk.AuthenticationError], [404, sdk.NotFoundError], [502, sdk.ApiError], [200, sdk.ApiError]];
    for (const [status, Class] of table) {
      const error = await failure(test, (_, response) => {
        response.writeHead(status, { "content-type": "text/html", "request-id": "req_2" });
        response.end("<h1>Somebody else</h1>");
      });
      assert.equal(error.constructor, Class);
      assert.deepEqual([error.code, error.status, error.requestId], ["unexpected_answer", status, "req_2"]);
    }
  });

  it("is what a redirect becomes, which is not followed", async (test) => {
    const elsewhere = await fake(test, (_, response) => response.end("{}"));
    const error = await failure(test, (_, response) => {
      response.writeHead(307, { location: elsewhere.url });
      response.end();
    });
    assert.deepEqual([error.constructor, error.status], [sdk.ApiError, 307]);
    assert.deepEqual(elsewhere.requests, []);
  });
});
