import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { fits } from "../src/spec/fits.ts";
import { good } from "../src/spec/fixtures.ts";
import { Instance } from "../src/spec/schema.ts";
import { compiled } from "./build-fits.ts";

const root = resolve(import.meta.dirname, "..");
// Below the project: it finds ajv's runtime where dist finds it.
const place = mkdtempSync(join(root, "node_modules/.fits-"));
test.after(() => rmSync(place, { recursive: true }));

/** What `validate` says of a copy of `data`, and what it makes of it. */
function outcome(validate: typeof fits, data: unknown) {
  const copy = structuredClone(data);
  const ok = validate(copy);
  return { ok, copy, errors: validate.errors ?? null };
}

test("the code that stands in dist says what ajv says, of any instance", async () => {
  const file = join(place, "fits.mjs");
  writeFileSync(file, compiled(pathToFileURL(join(root, "src/spec/formats.ts")).href));
  const built: { readonly fits: typeof fits } = await import(file);
  const odd = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom("/", "..", "::1/0", "\ud800", 1e308, -1, [[]], [null], { port: 1 }, { allow: [1] }),
  );
  const instance = fc
    .tuple(fc.dictionary(fc.constantFrom(...Object.keys(Instance.properties)), odd), fc.dictionary(fc.string(), odd))
    .map(([known, unknown]) => good({ ...unknown, ...known }));
  fc.assert(fc.property(instance, (data) => assert.deepEqual(outcome(built.fits, data), outcome(fits, data))));
  assert.deepEqual(outcome(built.fits, good()), outcome(fits, good()));
  assert.equal(built.fits(structuredClone(good())), true);
});
