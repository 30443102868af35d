import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { hosted, launch, link, profile, seen, servers } from "./support.js";

const server = servers.http;
const TIMES = 1000;
const AT_ONCE = 4;
let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Loads the page, runs its scripts, follows every link of it, and leaves. */
async function scan(page, session) {
  await page.goto(session.url);
  const found = await page.evaluate(() => [...document.querySelectorAll("[href], [src]")].map((it) => it.href ?? it.src));
  const answers = await Promise.all(found.map((address) => page.request.get(address)));
  for (const answer of answers) assert.ok(answer.ok(), answer.url());
}

test("a scanner that looks a thousand times spends nothing", async () => {
  const session = await link(server);
  let left = TIMES;
  const worker = async () => {
    while (left > 0) {
      const context = await profile(browser);
      const page = await context.newPage();
      for (let n = 0; n < 50 && left-- > 0; n++) await scan(page, session);
      await context.close();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  assert.equal((await seen(server, session)).isUsed, false);

  const context = await profile(browser);
  const page = await context.newPage();
  await page.goto(session.url);
  await page.getByRole("button").click();
  await page.waitForURL(hosted(server, session, "keys"));
  await context.close();
});
