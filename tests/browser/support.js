// A real browser that reports whatever goes wrong, and a merchant who makes
// links for it. tests/it/browser/real.rs starts the servers and this suite.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

/** What real.rs tells: `http` and `https`, each with `url`, `api` and `tenants`. */
export const servers = JSON.parse(process.env.VESTIBULE_SERVERS);

const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--no-first-run",
  // Nothing leaves this machine, whatever a page asks for.
  "--host-resolver-rules=MAP * 127.0.0.1",
  // Other sites' frames get partitioned cookies or none, as in browsers that protect people.
  "--test-third-party-cookie-phaseout",
];

export function launch() {
  return chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGS });
}

/**
 * A browser profile whose pages may load from their own server only, and log no
 * error but those that `expected` matches.
 */
export async function profile(browser, options = {}) {
  const { expected = /^$/, hosts = [], ...rest } = options;
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB", ...rest });
  const own = [servers.http.url, servers.https.url, ...hosts];
  context.faults = [];
  context.on("request", (request) => {
    const { origin } = new URL(request.url());
    if (!own.includes(origin)) context.faults.push(`a request to ${origin}`);
  });
  context.on("console", (message) => {
    const text = message.text();
    // That a page has the status 401, 404 or 410 is what the test is about.
    const isStatus = /^Failed to load resource: the server responded with a status of 4/.test(text);
    if (["error", "warning"].includes(message.type()) && !isStatus && !expected.test(text)) context.faults.push(text);
  });
  context.on("weberror", (error) => context.faults.push(String(error.error())));
  context.on("requestfailed", (request) => {
    const text = request.failure().errorText;
    if (text !== "net::ERR_ABORTED" && !expected.test(text)) context.faults.push(`${request.url()}: ${text}`);
  });
  const close = context.close.bind(context);
  context.close = async () => {
    await close();
    assert.deepEqual(context.faults, []);
  };
  return context;
}

async function call(server, tenant, method, path, body) {
  const response = await fetch(server.api + path, {
    method,
    headers: { authorization: `Bearer ${server.tenants[tenant].key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.json();
}

/** A new session with its link; everything is permitted unless `more` says otherwise. */
export function link(server, more = {}, tenant = 0) {
  const body = { customerExternalId: "acme-001", permissions: ["*.*.*"], ...more };
  return call(server, tenant, "POST", "/v1/portal-sessions", body);
}

/** The session as its merchant sees it. */
export function seen(server, session, tenant = 0) {
  return call(server, tenant, "GET", `/v1/portal-sessions/${session.id}`);
}

/** Changes the tenant's portal. */
export function portal(server, changes, tenant = 0) {
  return call(server, tenant, "PATCH", "/v1/portals/default", changes);
}

/** The address of a hosted page. */
export function hosted(server, session, page) {
  return `${server.url}/p/${session.portalId}/${page}`;
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails with whatever axe finds on the page. */
export async function accessible(page) {
  // Through the debugger, past the page's own policy, which allows no such script.
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: axe });
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    expression: "axe.run().then((found) => JSON.stringify(found.violations, ['id', 'nodes', 'html', 'failureSummary']))",
    awaitPromise: true,
  });
  assert.equal(exceptionDetails, undefined);
  assert.equal(result.value, "[]", page.url());
}

/** Keeps a picture of the page where VESTIBULE_PICTURES names a folder. */
export async function picture(page, name) {
  const folder = process.env.VESTIBULE_PICTURES;
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}
