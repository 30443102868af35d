// Over TLS, behind nginx: what a plain loopback address can't show.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { hosted, launch, link, portal, profile, servers } from "./support.js";

const server = servers.https;
const PARENT = "https://shop.example";
const EVIL = "https://evil.example";
let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function framed(context, origin, address) {
  const body = `<!doctype html><title>A shop</title><iframe src="${address}" width="600" height="400"></iframe>`;
  await context.route(`${origin}/`, (route) => route.fulfill({ contentType: "text/html", body }));
  // To the browser, a page of the test's own making comes from a public network.
  await context.grantPermissions(["local-network-access"], { origin });
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  return page;
}

test("a portal works in a frame on its own origins, with cookies of that place only", async () => {
  await portal(server, { frameAncestors: [PARENT] }, 1);
  const context = await profile(browser, { hosts: [PARENT] });
  const session = await link(server, {}, 1);
  let page = await framed(context, PARENT, session.url);
  await page.frameLocator("iframe").getByRole("button", { name: "Continue" }).click();
  await page.frameLocator("iframe").getByText("acme-001").waitFor();
  assert.equal(page.frames()[1].url(), hosted(server, session, "keys"));
  await page.frameLocator("iframe").getByRole("link", { name: "Billing" }).click();
  await page.frameLocator("iframe").getByRole("heading", { name: "Billing" }).waitFor();
  const cookies = (await context.cookies()).filter(({ name }) => name.startsWith("__Host-vst_ptl_"));
  assert.deepEqual(cookies.map(({ sameSite, secure, httpOnly }) => [sameSite, secure, httpOnly]), [["None", true, true]]);
  assert.match(cookies[0].partitionKey, /shop\.example/);

  // At the top it is another place, where another link works just as well.
  page = await context.newPage();
  assert.equal((await page.goto(hosted(server, session, "keys"))).status(), 401);
  const own = await link(server, {}, 1);
  await page.goto(own.url);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(hosted(server, own, "keys"));
  page = await framed(context, PARENT, hosted(server, session, "keys"));
  await page.frameLocator("iframe").getByRole("button", { name: "Sign out" }).click();
  await page.frameLocator("iframe").getByRole("heading", { name: "You are signed out" }).waitFor();
  await context.close();
});

test("and in no other frame", async () => {
  const refused = /frame-ancestors|ERR_BLOCKED_BY_RESPONSE/;
  for (const [tenant, origin] of [[1, EVIL], [0, PARENT]]) {
    const context = await profile(browser, { hosts: [origin], expected: refused });
    const session = await link(server, {}, tenant);
    const told = context.waitForEvent("console", { predicate: (message) => refused.test(message.text()) });
    const page = await framed(context, origin, session.url);
    await told;
    assert.equal(await page.frameLocator("iframe").getByRole("button", { name: "Continue" }).count(), 0);
    await context.close();
  }
});

test("the merchant's own portal on our host gets the cookie, and nginx lets it in", async () => {
  await portal(server, { appUrl: `${server.url}/app/` });
  const context = await profile(browser);
  const page = await context.newPage();
  await page.goto(`${server.url}/app/`);
  await page.getByRole("heading", { name: "Session expired" }).waitFor();
  const session = await link(server, { path: "/orders" });
  await page.goto(session.url);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(`${server.url}/app/orders`);
  assert.match(await page.textContent("body"), /vestibule-customer-external-id: acme-001/i);
  await page.goto(session.url);
  assert.equal(page.url(), `${server.url}/app/orders`, "a second click on the link");
  await context.close();
});
