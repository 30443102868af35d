// The tabs with a merchant's data in them: tables, fields, pages, and what goes wrong.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { accessible, hosted, launch, link, picture, portal, profile, servers } from "./support.js";

const server = servers.http;
const PHONE = { width: 360, height: 740 };
const CDN = "https://cdn.example";
const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><rect width="90" height="30"/></svg>';

const key = (n, status) => ({ id: `key_${n}`, name: `Key number ${n}`, start: `acme_live_${n}`, status, created_at: "2026-03-02T09:30:00Z", last_used_at: null });
const subscription = (n, status) => ({ id: `sub_${n}`, object: "subscription", status, plan: "Team", currency: "EUR", amount_minor: 4900, current_period_end: "2026-12-01T00:00:00Z" });
const invoice = (n, status) => ({ id: `inv_${n}`, object: "invoice", number: `2026-${n}`, status, currency: "EUR", amount_minor: 4900, due_at: "2026-12-01T00:00:00Z", pdf: `https://shop.example/${n}.pdf` });

/** What the back end has: a list is served two at a time. */
const SHOP = {
  keys: [key(1, "active"), key(2, "active"), key(3, "revoked"), key(4, "expired"), key(5, "active")],
  subscriptions: [subscription(1, "active"), subscription(2, "canceled"), subscription(3, "past_due")],
  invoices: [invoice(1, "open"), invoice(2, "paid"), invoice(3, "paid")],
  docs: [{ title: "Getting started", url: "https://docs.shop.example/start" }],
  usage: {
    period_start: "2026-11-01T00:00:00Z",
    requests: 48213,
    included: 100000,
    plan: { name: "Team", seats: 4 },
    by_day: [{ date: "2026-11-18", requests: 2104, errors: 3 }, { date: "2026-11-19", requests: 2388, errors: 0 }],
    notes: ["A burst on the 18th", "Nothing on the 19th"],
  },
};

let browser, backEnd, shop;

function answer(request, response) {
  const url = new URL(request.url, "http://shop.example");
  const content = shop[url.pathname.slice(1)];
  if (content === undefined) return response.writeHead(500).end();
  const after = url.searchParams.get("startingAfter");
  const from = after && Array.isArray(content) ? content.findIndex(({ id }) => id === after) + 1 : 0;
  const body = Array.isArray(content)
    ? { object: "list", data: content.slice(from, from + 2), has_more: from + 2 < content.length }
    : content;
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

before(async () => {
  browser = await launch();
  backEnd = createServer(answer).listen(0, "127.0.0.1");
  await once(backEnd, "listening");
  await portal(server, { upstreamUrl: `http://127.0.0.1:${backEnd.address().port}` });
});
after(async () => {
  await portal(server, { upstreamUrl: null });
  await browser.close();
  backEnd.closeAllConnections();
  backEnd.close();
});

async function signIn(page, more) {
  const session = await link(server, more);
  await page.goto(session.url);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(hosted(server, session, "keys"));
  return session;
}

/** Every kind of page with data, one after the other. */
async function* pages(page) {
  shop = SHOP;
  const session = await signIn(page);
  for (const tab of ["keys", "analytics", "billing", "docs"]) {
    await page.goto(hosted(server, session, tab));
    assert.ok(await page.locator("table, dl.fields").count(), tab);
    yield tab;
  }
  await page.goto(hosted(server, session, "billing?subscriptionsAfter=sub_2&invoicesAfter=inv_2"));
  yield "billing-last";
  shop = { ...SHOP, subscriptions: [] };
  await page.goto(hosted(server, session, "billing"));
  yield "billing-half-empty";
  shop = { invoices: SHOP.invoices };
  await page.goto(hosted(server, session, "billing"));
  await page.getByText("answered with an error").waitFor();
  yield "billing-half-failed";
  await page.goto(hosted(server, session, "keys"));
  await page.getByRole("heading", { name: "Your data could not be loaded" }).waitFor();
  yield "failed";
  shop = { keys: [] };
  await page.goto(hosted(server, session, "keys"));
  await page.getByRole("heading", { name: "No keys yet" }).waitFor();
  yield "empty";
}

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing on data, and a phone is wide enough: ${colorScheme}`, async () => {
    const context = await profile(browser, { colorScheme });
    const page = await context.newPage();
    for await (const name of pages(page)) {
      await accessible(page);
      await picture(page, `data-${name}-${colorScheme}`);
      await page.setViewportSize(PHONE);
      await accessible(page);
      await picture(page, `data-${name}-${colorScheme}-phone`);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= PHONE.width, `${name} is ${width} wide`);
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    await context.close();
  });
}

for (const javaScriptEnabled of [true, false]) {
  test(`page by page, scripts ${javaScriptEnabled ? "on" : "off"}`, async () => {
    shop = SHOP;
    const context = await profile(browser, { javaScriptEnabled });
    const page = await context.newPage();
    const session = await signIn(page);
    const ids = () => page.getByText(/^(key|sub|inv)_\d$/).allTextContents();
    const next = page.getByRole("link", { name: "Next" });
    assert.deepEqual(await ids(), ["key_1", "key_2"]);
    for (const [last, shown] of [["key_2", ["key_3", "key_4"]], ["key_4", ["key_5"]]]) {
      await next.click();
      await page.waitForURL(hosted(server, session, `keys?startingAfter=${last}`));
      assert.deepEqual(await ids(), shown);
    }
    assert.equal(await next.count(), 0, "the last page");
    await page.getByRole("link", { name: "First page" }).click();
    await page.waitForURL(hosted(server, session, "keys"));

    await page.getByRole("link", { name: "Billing" }).click();
    await page.getByRole("navigation", { name: "Invoices" }).getByRole("link", { name: "Next" }).click();
    await page.waitForURL(hosted(server, session, "billing?invoicesAfter=inv_2"));
    assert.deepEqual(await ids(), ["sub_1", "sub_2", "inv_3"]);
    await page.getByRole("navigation", { name: "Subscriptions" }).getByRole("link", { name: "Next" }).click();
    await page.getByText("sub_3").waitFor();
    assert.deepEqual(await ids(), ["sub_3", "inv_3"]);
    await page.getByRole("navigation", { name: "Invoices" }).getByRole("link", { name: "First page" }).click();
    await page.getByText("inv_1").waitFor();
    assert.deepEqual(await ids(), ["sub_3", "inv_1", "inv_2"]);

    shop = {};
    await page.reload();
    shop = SHOP;
    await page.getByRole("link", { name: "Try again" }).click();
    await page.getByText("sub_1").waitFor();
    await context.close();
  });
}

test("a portal's own logo is shown, and the policy lets it load", async () => {
  shop = SHOP;
  await portal(server, { branding: { logoUrl: `${CDN}/logo.svg` } });
  const context = await profile(browser, { hosts: [CDN] });
  await context.route(`${CDN}/logo.svg`, (route) => route.fulfill({ contentType: "image/svg+xml", body: LOGO }));
  const page = await context.newPage();
  const session = await link(server);
  await page.goto(session.url);
  const isShown = () => page.locator("img.logo").evaluate((image) => image.complete && image.naturalWidth === 90);
  assert.ok(await isShown(), "on the landing page");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(hosted(server, session, "keys"));
  assert.ok(await isShown(), "in the portal");
  await accessible(page);
  await picture(page, "data-logo");
  await portal(server, { branding: { logoUrl: null } });
  await context.close();
});
