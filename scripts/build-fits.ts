/**
 * Puts the code that ajv makes of the instance schema in place of `dist/spec/fits.js`; bootstrap.mjs and nix/package.nix run it
 * after they have compiled src.
 */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { _, Ajv } from "ajv";
import standalone from "ajv/dist/standalone/index.js";
import { OPTIONS } from "../src/spec/fits.ts";
import { INSTANCE_SCHEMA } from "../src/spec/schema-data.ts";

const root = resolve(import.meta.dirname, "..");

/** @param formats where the module finds `FORMATS` */
export function compiled(formats: string): string {
  const ajv = new Ajv({ ...OPTIONS, code: { source: true, esm: true, formats: _`formats` } });
  return [
    `import { createRequire } from "node:module";`,
    `import { FORMATS } from ${JSON.stringify(formats)};`,
    "const require = createRequire(import.meta.url);",
    "const formats = Object.fromEntries([...FORMATS].map(([name, { fault }]) => [name, { validate: (text) => fault(text) === null }]));",
    standalone.default(ajv, ajv.compile(INSTANCE_SCHEMA)),
    "export { validate as fits };",
    "",
  ].join("\n");
}

if (import.meta.main) writeFileSync(join(root, "dist/spec/fits.js"), compiled("./formats.js"));
