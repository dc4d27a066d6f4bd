import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { Ajv } from "ajv";
import { bytes, good, said } from "./fixtures.ts";
import { generated, jsonSchema } from "./json-schema.ts";
import { parseInstanceFile } from "./parse.ts";

describe("what is made from the schema", () => {
  test("is what the repository holds (else: node src/spec/json-schema.ts --write)", async () => {
    for (const [file, text] of await generated()) assert.equal(await readFile(file, "utf8"), text, file.pathname);
  });

  test("every example in the reference is a good file", async () => {
    const page = await readFile(new URL("../../docs/reference/instance-file.md", import.meta.url), "utf8");
    const examples = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => text ?? "");
    assert.equal(examples.length, 2);
    for (const example of examples) assert.deepEqual(said(parseInstanceFile(bytes(example))), []);
  });
});

describe("the published JSON Schema", () => {
  const isValid = new Ajv({ allErrors: true }).compile(jsonSchema());
  const file = (instance: object): object => ({ version: 1, instances: { a: instance } });

  test("asks for no key that has a default", () => {
    assert.equal(isValid(file(good())), true);
    assert.equal(
      isValid(file(good({ limits: {}, sandbox: { unixSockets: {} }, networkIsolation: { logging: {} } }))),
      true,
    );
  });

  test("refuses what a schema can refuse", () => {
    const bad = [
      {},
      good({ lisen: 1 }),
      good({ directory: "a" }),
      good({ listen: { port: 0 } }),
      good({ environment: { "1": "x" } }),
    ];
    for (const instance of bad) assert.equal(isValid(file(instance)), false, JSON.stringify(instance));
    assert.equal(isValid({ version: 2, instances: {} }), false);
    assert.equal(isValid({ version: 1, instances: { A: good() } }), false);
  });
});
