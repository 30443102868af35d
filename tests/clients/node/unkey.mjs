// Unkey's own client against a server: node unkey.mjs VERSION STEP..., with the server's address and
// keys in the environment. Both generations do the same in their own words.
import assert from "node:assert/strict";

const [, , version, ...wanted] = process.argv;
const { BASE_URL, KEY, DISABLED_PORTAL } = process.env;
const { Unkey } = await import(`unkey-${version}`);
const errors = await import(`unkey-${version}/models/errors`);
const { HTTPClient } = await import(`unkey-${version}/lib/http.js`);

const isOld = version === "2.4.0";
const client = (options = {}) => new Unkey({ rootKey: KEY, serverURL: BASE_URL, ...options });
const request = (portal = "default") =>
  isOld
    ? { slug: portal, externalId: "user_123", permissions: ["api.*.read_key", "api.*.read_analytics"] }
    : { portal, externalId: "user_123", scopes: ["keys:read", "analytics:read"] };
// The older generation calls the token a session id; the newer one reads the code from the URL.
const tokenOf = ({ result }) =>
  isOld ? result.data.sessionId : new URL(result.data.url).searchParams.get("code");
const exchange = async (unkey, token, options) => {
  const { result } = isOld
    ? await unkey.portal.exchangeSession({ sessionId: token }, options)
    : await unkey.portal.exchangeCode({ code: token }, options);
  return { token: isOld ? result.data.token : result.data.accessToken, expiresAt: result.data.expiresAt };
};
const whoami = (token) =>
  fetch(`${BASE_URL}/v1/portal-session`, { headers: { authorization: `Bearer ${token}` } });
const noRetries = { retries: { strategy: "none" } };

// The error has its class, its status and our request id.
const refused = (work, type, status) =>
  assert.rejects(work, (error) => {
    assert.ok(error instanceof type, `${error.name}: ${error.message}`);
    assert.equal(error.statusCode, status);
    assert.match(error.meta.requestId, /^req_/);
    assert.equal(error.error.status, status);
    return true;
  });

const steps = {
  async flow() {
    const unkey = client();
    const made = await unkey.portal.createSession(request());
    assert.match(made.result.meta.requestId, /^req_/);
    assert.ok(made.result.data.url.startsWith(`${BASE_URL}/?${isOld ? "session" : "code"}=pst_`));
    const { token, expiresAt } = await exchange(unkey, tokenOf(made));
    assert.match(token, /^bst_/);
    assert.ok(Math.abs(expiresAt - Date.now() - 86_400_000) < 60_000);
    const session = await (await whoami(token)).json();
    assert.equal(session.customerExternalId, "user_123");
    assert.deepEqual(session.tabs, ["keys", "analytics", "docs"]);
  },

  async errors() {
    const unkey = client();
    await refused(() => unkey.portal.createSession({ ...request(), externalId: "" }), errors.BadRequestErrorResponse, 400);
    const faulty = await unkey.portal.createSession({ ...request(), externalId: "" }).catch((error) => error);
    assert.equal(faulty.error.errors[0].location, "body.externalId");
    await refused(() => client({ rootKey: "unkey_123" }).portal.createSession(request()), errors.UnauthorizedErrorResponse, 401);
    await refused(() => unkey.portal.createSession(request(DISABLED_PORTAL)), errors.ForbiddenErrorResponse, 403);
    await refused(() => unkey.portal.createSession(request("missing")), errors.NotFoundErrorResponse, 404);
    await refused(() => exchange(unkey, "pst_nonsense"), errors.UnauthorizedErrorResponse, 401);
    await refused(() => exchange(unkey, "x".repeat(70_000)), errors.BadRequestErrorResponse, 400);
  },

  async concurrent() {
    const unkey = client();
    const token = tokenOf(await unkey.portal.createSession(request()));
    const all = await Promise.allSettled(Array.from({ length: 16 }, () => exchange(unkey, token)));
    const lost = all.filter(({ status }) => status === "rejected");
    assert.equal(lost.length, 15);
    for (const { reason } of lost) assert.ok(reason instanceof errors.UnauthorizedErrorResponse);
  },

  // The answer to the first try is lost; the client tries again by itself.
  async lost() {
    let answers = 0;
    const fetcher = async (input) => {
      const response = await fetch(input.clone ? input.clone() : input);
      if (response.ok && answers++ === 0) throw new TypeError("fetch failed");
      return response;
    };
    const token = tokenOf(await client().portal.createSession(request()));
    const unkey = client({ httpClient: new HTTPClient({ fetcher }) });
    const again = await exchange(unkey, token, { headers: { "Idempotency-Key": "n" } });
    assert.equal(answers, 2);
    assert.equal((await whoami(again.token)).status, 200);
    // Without the header a second try can't be told from somebody else's.
    answers = 0;
    const other = tokenOf(await client().portal.createSession(request()));
    await refused(() => exchange(unkey, other), errors.UnauthorizedErrorResponse, 401);
  },

  async limited() {
    const unkey = client();
    const calls = Array.from({ length: 20 }, () => unkey.portal.createSession(request(), noRetries));
    const lost = (await Promise.allSettled(calls)).filter(({ status }) => status === "rejected");
    assert.ok(lost.length > 0);
    for (const { reason } of lost) {
      assert.ok(reason instanceof errors.TooManyRequestsErrorResponse, `${reason}`);
      assert.ok(Number(reason.headers.get("retry-after")) >= 1);
    }
  },

  async broken() {
    await refused(() => client().portal.createSession(request(), noRetries), errors.InternalServerErrorResponse, 500);
  },
};

for (const step of wanted) await steps[step]();
