import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const cwd = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(await readFile(join(cwd, "package.json"), "utf8"));

it("the types are what the document makes", () => run(process.execPath, ["scripts/generate.mjs", "--check"], { cwd }));

it("the package needs nothing at run time", () => {
  const { dependencies, peerDependencies, optionalDependencies } = manifest;
  assert.deepEqual([dependencies, peerDependencies, optionalDependencies], [undefined, undefined, undefined]);
});

it("the package holds what is used, and works where it is installed", async (test) => {
  const folder = await mkdtemp(join(tmpdir(), "vestibule-sdk-"));
  test.after(() => rm(folder, { recursive: true }));
  const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const [{ files, filename }] = JSON.parse((await run("npm", pack, { cwd })).stdout);
  const others = files.map(({ path }) => path).filter((path) => !/^dist\/(esm|cjs)\/[\w-]+(\.d\.ts|\.js)$/.test(path));
  assert.deepEqual(others.sort(), ["LICENSE", "README.md", "dist/cjs/package.json", "package.json"]);

  const home = join(folder, "node_modules", manifest.name);
  await mkdir(home, { recursive: true });
  await run("tar", ["-xzf", join(folder, filename), "-C", home, "--strip-components=1"]);
  const check = `new Vestibule("vst_sk_test_" + "0".repeat(60), { baseUrl: "http://localhost" }).portalSessions.list`;
  const ways = {
    module: `import { Vestibule } from "${manifest.name}"; ${check};`,
    commonjs: `const { Vestibule } = require("${manifest.name}"); ${check};`,
  };
  for (const [type, script] of Object.entries(ways)) {
    await run(process.execPath, [`--input-type=${type}`, "-e", script], { cwd: folder });
  }
});
