import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, hosted, launch, link, picture, profile, servers } from "./support.js";

const server = servers.http;
const PHONE = { width: 360, height: 740 };
let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Every kind of page, one after the other. */
async function* pages(page) {
  const session = await link(server, { preview: true });
  await page.goto(session.url);
  yield "landing";
  await page.getByRole("button").click();
  await page.waitForURL(hosted(server, session, "keys"));
  for (const tab of ["keys", "analytics", "billing", "docs", "access", "nothing"]) {
    await page.goto(hosted(server, session, tab));
    yield tab;
  }
  const few = await link(server, { permissions: ["a.b.c"] });
  await page.goto(few.url);
  await page.getByRole("button").click();
  await page.waitForURL(hosted(server, few, "docs"));
  await page.goto(hosted(server, few, "keys"));
  yield "forbidden";
  await page.getByRole("button").last().click();
  await page.waitForURL(hosted(server, few, "signed-out"));
  yield "signed-out";
  for (const [name, address] of [
    ["session-expired", hosted(server, few, "keys")],
    ["link-over", few.url],
    ["link-unknown", `${server.url}/r/nothing`],
    ["not-found", hosted(server, few, "nothing")],
    ["without-link", `${server.url}/`],
  ]) {
    await page.goto(address);
    yield name;
  }
}

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing, and a phone is wide enough: ${colorScheme}`, async () => {
    const context = await profile(browser, { colorScheme });
    const page = await context.newPage();
    for await (const name of pages(page)) {
      await accessible(page);
      await picture(page, `${name}-${colorScheme}`);
      await page.setViewportSize(PHONE);
      await accessible(page);
      await picture(page, `${name}-${colorScheme}-phone`);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= PHONE.width, `${name} is ${width} wide`);
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    await context.close();
  });
}

test("the keyboard is enough", async () => {
  const context = await profile(browser);
  const page = await context.newPage();
  const session = await link(server);
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
  const press = async (wanted) => {
    for (let n = 0; n < 20; n++) {
      await page.keyboard.press("Tab");
      if ((await focused()) === wanted) return page.keyboard.press("Enter");
    }
    assert.fail(`no way to ${wanted}`);
  };
  await page.goto(session.url);
  await press("Continue");
  await page.waitForURL(hosted(server, session, "keys"));
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "content");
  await page.reload();
  await press("Analytics");
  await page.waitForURL(hosted(server, session, "analytics"));
  await press("Sign out");
  await page.waitForURL(hosted(server, session, "signed-out"));
  await context.close();
});

test("the reader's language", async () => {
  for (const [locale, heading] of [["de-AT", "Weiter zu"], ["ja-JP", "A Tenant"], ["pt-BR", "Continue to"]]) {
    const context = await profile(browser, { locale });
    const page = await context.newPage();
    await page.goto((await link(server)).url);
    assert.ok((await page.getByRole("heading").textContent()).includes(heading), locale);
    await picture(page, `landing-${locale}`);
    await context.close();
  }
});
