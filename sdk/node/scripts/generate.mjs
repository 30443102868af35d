// Makes src/openapi.ts from openapi.json, which is what `vestibule openapi`
// prints. With --check it writes nothing and fails when the file is stale.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const input = new URL("../openapi.json", import.meta.url);
const output = new URL("../src/openapi.ts", import.meta.url);

/** A pattern that only lists words, `^(one|two)$`, becomes the union of these words. */
function transform({ type, pattern }) {
  const words = /^\^\(([a-z_|]+)\)\$$/.exec(pattern ?? "")?.[1].split("|");
  if (!words) return undefined;
  const types = words.map((word) => ts.factory.createLiteralTypeNode(ts.factory.createStringLiteral(word)));
  if (Array.isArray(type) && type.includes("null")) {
    types.push(ts.factory.createLiteralTypeNode(ts.factory.createNull()));
  }
  return ts.factory.createUnionTypeNode(types);
}

const document = JSON.parse(await readFile(input, "utf8"));
// The SDK speaks of objects and of what requests take; its lists are its own.
for (const operation of Object.values(document.paths).flatMap(Object.values)) {
  delete operation.operationId;
  operation.responses = {};
}
for (const name of Object.keys(document.components.schemas)) {
  if (/^List|List$/.test(name)) delete document.components.schemas[name];
}
const types = await openapiTS(document, { transform, alphabetize: true, silent: true });
const text = `// Made from openapi.json by \`npm run generate\`; not to be changed by hand.\n\n${astToString(types)}`;

if (!process.argv.includes("--check")) {
  await writeFile(output, text);
} else if (text !== (await readFile(output, "utf8"))) {
  console.error("src/openapi.ts is not what openapi.json makes: run `npm run generate`.");
  process.exitCode = 1;
}
