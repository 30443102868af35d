import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { hosted, launch, link, picture, portal, profile, seen, servers } from "./support.js";

const server = servers.http;
let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

for (const javaScriptEnabled of [true, false]) {
  test(`the whole way, scripts ${javaScriptEnabled ? "on" : "off"}`, async () => {
    const context = await profile(browser, { javaScriptEnabled });
    const page = await context.newPage();
    const session = await link(server, { permissions: ["api.*.read_key", "x.*.read_invoice"] });
    const keys = hosted(server, session, "keys");
    await page.goto(session.url);
    await page.getByText("acme-001").waitFor();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.waitForURL(keys);
    assert.deepEqual(await page.getByRole("navigation").getByRole("link").allTextContents(), ["Keys", "Billing", "Docs"]);

    await page.goBack();
    assert.equal((await seen(server, session)).status, "active");
    // The page may come from the back/forward cache; its button works as well.
    const button = page.getByRole("button", { name: "Continue" });
    if (!javaScriptEnabled && (await button.count())) await button.click();
    await page.waitForURL(keys);
    await page.reload();
    assert.equal(page.url(), keys);
    await page.goto(session.url);
    assert.equal(page.url(), keys, "a second click on the link");

    await page.getByRole("link", { name: "Billing" }).click();
    await page.waitForURL(hosted(server, session, "billing"));
    const forbidden = await page.goto(hosted(server, session, "analytics"));
    assert.equal(forbidden.status(), 403);
    await page.getByRole("link", { name: "Your access" }).click();
    await page.getByText("api.*.read_key").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(hosted(server, session, "signed-out"));
    await page.goBack();
    await page.getByRole("heading", { name: "Session expired" }).waitFor();
    assert.equal(await page.getByText("api.*.read_key").count(), 0);
    await context.close();
  });
}

test("a page out of the back/forward cache loads again after sign-out", async () => {
  const context = await profile(browser);
  const page = await context.newPage();
  const session = await link(server);
  await page.goto(session.url);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(hosted(server, session, "keys"));
  await page.goto(hosted(server, session, "access"));
  // As the browser does for a page that it had kept: the event, and the flag.
  const signOut = await context.newPage();
  await signOut.goto(hosted(server, session, "keys"));
  await signOut.getByRole("button", { name: "Sign out" }).click();
  await signOut.waitForURL(hosted(server, session, "signed-out"));
  const loaded = page.waitForNavigation();
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await loaded;
  await page.getByRole("heading", { name: "Session expired" }).waitFor();
  await context.close();
});

test("a link for a redirect goes on by itself, and Back leads out of it", async () => {
  const context = await profile(browser);
  const page = await context.newPage();
  const session = await link(server, { delivery: "redirect" });
  await page.goto(`${server.url}/healthz`);
  await page.goto(session.url);
  await page.waitForURL(hosted(server, session, "keys"));
  await page.goBack();
  await page.waitForURL(`${server.url}/healthz`);
  await context.close();
});

test("a link for a redirect has a button where scripts are off", async () => {
  const context = await profile(browser, { javaScriptEnabled: false });
  const page = await context.newPage();
  const session = await link(server, { delivery: "redirect" });
  await page.goto(`${server.url}/?session=${session.token}`);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(hosted(server, session, "keys"));
  await context.close();
});

test("another browser is told what happened", async () => {
  const [mine, theirs] = [await profile(browser), await profile(browser)];
  const page = await mine.newPage();
  const session = await link(server);
  await page.goto(session.url);
  const other = await theirs.newPage();
  await other.goto(session.url);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(hosted(server, session, "keys"));
  // Their button is too late, and so is the link.
  await other.getByRole("button", { name: "Continue" }).click();
  await other.getByRole("heading", { name: "This link no longer works" }).waitFor();
  assert.equal((await other.goto(session.url)).status(), 410);
  await picture(other, "link-over");
  await mine.close();
  await theirs.close();
});

test("a double click redeems once and lands in the portal", async () => {
  const context = await profile(browser);
  const page = await context.newPage();
  const session = await link(server);
  await page.goto(session.url);
  await page.getByRole("button", { name: "Continue" }).dblclick();
  // The second click calls off what the first has begun, which waiting for the address would report.
  await page.getByText("Signed in as").waitFor();
  assert.equal(page.url(), hosted(server, session, "keys"));
  await context.close();
});

test("two portals on one host keep out of each other's way", async () => {
  const context = await profile(browser);
  const pages = [];
  for (const tenant of [0, 1]) {
    const session = await link(server, { customerExternalId: `customer-${tenant}` }, tenant);
    const page = await context.newPage();
    await page.goto(session.url);
    pages.push({ page, session, tenant });
  }
  for (const { page, session } of pages) {
    await page.getByRole("button", { name: "Continue" }).click();
    await page.waitForURL(hosted(server, session, "keys"));
  }
  await pages[1].page.getByRole("button", { name: "Sign out" }).click();
  await pages[1].page.waitForURL(hosted(server, pages[1].session, "signed-out"));
  await pages[0].page.reload();
  await pages[0].page.getByText("customer-0").waitFor();
  await context.close();
});

test("a form on another site redeems nothing", async () => {
  const context = await profile(browser, { hosts: ["http://evil.example"] });
  const session = await link(server);
  const form = `<form method="post" action="${session.url}"><button>Win</button></form>`;
  await context.route("http://evil.example/", (route) => route.fulfill({ contentType: "text/html", body: form }));
  const page = await context.newPage();
  await page.goto(session.url);
  await page.goto("http://evil.example/");
  const answer = page.waitForResponse(session.url);
  await page.getByRole("button").click();
  assert.equal((await answer).status(), 403);
  assert.equal((await seen(server, session)).isUsed, false);
  await context.close();
});

test("the merchant's own portal on another host gets the link", async () => {
  const app = createServer((_, response) => response.end("app")).listen(0, "127.0.0.1");
  await once(app, "listening");
  const origin = `http://app.localhost:${app.address().port}`;
  const context = await profile(browser, { hosts: [origin] });
  await portal(server, { appUrl: `${origin}/portal` }, 1);
  const session = await link(server, { path: "/orders" }, 1);
  const page = await context.newPage();
  await page.goto(session.url);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(`${origin}/portal/orders?session=${session.token}`);
  assert.equal((await seen(server, session, 1)).isUsed, false);
  await portal(server, { appUrl: null }, 1);
  await context.close();
  app.close();
});
