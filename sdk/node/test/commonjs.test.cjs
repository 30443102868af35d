const assert = require("node:assert/strict");
const { it } = require("node:test");
const sdk = require("@vestibule/node");
const { version } = require("@vestibule/node/package.json");

it("require gives what import gives", async () => {
  const imported = await import("@vestibule/node");
  assert.deepEqual(Object.keys(sdk).sort(), Object.keys(imported).sort());
  assert.equal(require.resolve("@vestibule/node").split("/").at(-2), "cjs");
  assert.equal(sdk.VERSION, version);
  assert.throws(() => new sdk.Vestibule("vst_pk_test_x"), sdk.AuthenticationError);
});
