import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv } from "ajv";
import fc from "fast-check";
import { checker } from "./asked.ts";
import { OPERATIONS } from "./description.ts";

const asked = OPERATIONS.flatMap(({ querystring, headers }) => [querystring, headers]).filter(
  (each) => each !== undefined,
);
const words = fc.oneof(
  fc.constantFrom("", "0", "1", "1000", "1001", "-1", "1.5", "01", "s=1;i=2", "A", "x".repeat(301), "ten"),
  fc.string(),
  fc.integer().map(String),
);
const given = fc.oneof(words, fc.array(words, { minLength: 2, maxLength: 3 }));

test("of every question that is described it finds what ajv finds", () => {
  const ajv = new Ajv({ useDefaults: true, meta: false, validateSchema: false });
  assert.ok(asked.length > 0);
  for (const schema of asked) {
    const [check, fits] = [checker({ schema }), ajv.compile(JSON.parse(JSON.stringify(schema)))];
    const names = Object.keys(schema.properties);
    const question = fc.record(Object.fromEntries(names.map((name) => [name, given])), { requiredKeys: [] });
    fc.assert(
      fc.property(question, (query) => {
        const found = check(query);
        // ajv is given numbers where numbers are written, and nothing else: what it makes of "1e1" and " 1" is not wanted.
        const typed = Object.fromEntries(
          Object.entries(query).map(([name, value]) => [name, typedAs(schema, name, value)]),
        );
        assert.equal("value" in found, fits(typed), JSON.stringify(query));
        if ("value" in found) assert.deepEqual(found.value, typed);
      }),
    );
  }
});

const typedAs = (schema: (typeof asked)[number], name: string, value: unknown): unknown =>
  Object(schema.properties[name]).type === "integer" && /^-?\d{1,15}$/.test(String(value)) && typeof value === "string"
    ? Number(value)
    : value;

test("a schema that wants more than it knows is refused when the route is made", () => {
  const of = (property: object) => () => checker({ schema: { properties: { x: property } } });
  assert.throws(of({ type: "string", format: "uri" }), /x: format .* is more than/);
  assert.throws(of({ type: "array" }), /type array/);
  assert.throws(of({ $ref: "y#" }), /\$ref/);
});
