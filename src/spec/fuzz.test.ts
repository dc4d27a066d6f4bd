/** Whatever the bytes are: no exception, a result that keeps its promises, and the same one every time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytes, good } from "./fixtures.ts";
import { parseJsonText } from "./json-text.ts";
import { type ParsedFile, parseInstanceFile } from "./parse.ts";
import { Instance } from "./schema.ts";

function holds(input: Uint8Array): ParsedFile {
  const parsed = parseInstanceFile(input);
  for (const { what, fix } of parsed.problems) assert.ok(what.trim() !== "" && fix.trim() !== "");
  for (const problem of parsed.problems) assert.doesNotMatch(Object.values(problem).join(""), /\p{Cc}/u);
  if (parsed.ok) {
    const named = new Set(parsed.problems.map(({ instance }) => instance));
    assert.deepEqual([...named].sort(), [...parsed.bad].sort());
    for (const { name } of parsed.specs) assert.ok(!parsed.bad.includes(name));
  } else assert.notEqual(parsed.problems.length, 0);
  assert.deepEqual(parseInstanceFile(input), parsed);
  return parsed;
}

/** Values that are wrong in most places, and names that mean something to JavaScript. */
const oddValue = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(
    "/",
    "/etc",
    "..",
    "::1/0",
    "0.0.0.0/0",
    "root",
    "\0",
    "\ud800",
    "--model",
    "__proto__",
    1e308,
    -0,
    65536,
  ),
  fc.constantFrom({ port: 1 }, [[]], [null], { __proto__: null }, { constructor: { prototype: 1 } }, { "a.b[0]": 1 }),
);
const oddKey = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("__proto__", "constructor", "toString", "hasOwnProperty", "lisen", "port", "directory", ""),
);
const field = fc.constantFrom(...Object.keys(Instance.properties));

const instance = fc
  .tuple(fc.dictionary(field, oddValue, { maxKeys: 6 }), fc.dictionary(oddKey, oddValue, { maxKeys: 2 }), fc.boolean())
  .map(([known, unknown, isWhole]) => ({ ...(isWhole ? good() : {}), ...known, ...unknown }));
const file = fc.dictionary(fc.oneof(oddKey, fc.constantFrom("a", "b", "a-b")), instance, { maxKeys: 5 });

const VALID = JSON.stringify({
  version: 1,
  instances: {
    a: good({ limits: { memoryMax: "2G" }, environment: { A: "é" }, extraArgs: ["--pure"] }),
    b: good({
      directory: "/srv/b",
      listen: { port: 2, allowFrom: ["10.0.0.0/8"] },
      sandbox: { readOnlyPaths: ["/srv/x"] },
    }),
  },
});

describe("the loader, given anything", () => {
  test("arbitrary bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (input) => void holds(input)));
  });

  test("arbitrary JSON", () => {
    fc.assert(fc.property(fc.json(), (text) => void holds(bytes(text))));
  });

  test("arbitrary instances", () => {
    fc.assert(
      fc.property(file, (instances) => void holds(bytes(JSON.stringify({ version: 1, instances })))),
      { numRuns: 400 },
    );
  });

  test("a good file cut off anywhere is a broken file", () => {
    const whole = bytes(VALID);
    assert.deepEqual(holds(whole).problems, []);
    fc.assert(fc.property(fc.nat({ max: whole.length - 1 }), (length) => !holds(whole.subarray(0, length)).ok));
  });

  test("a good file with bytes changed", () => {
    const change = fc.tuple(fc.nat({ max: bytes(VALID).length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const input = bytes(VALID);
        for (const [at, byte] of changes) input[at] = byte;
        holds(input);
      }),
      { numRuns: 500 },
    );
  });
});

describe("the JSON reader", () => {
  test("takes exactly what JSON.parse takes, and reads the same", () => {
    const piece = fc.constantFrom(
      ...'{}[],:"\\u0 \n-1.eE+tfn',
      "true",
      "false",
      "null",
      '"a"',
      '"\\u00e9"',
      "-0",
      "1e5",
      "\u2028",
      "é",
    );
    const text = fc.oneof(
      fc.json(),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
    );
    fc.assert(
      fc.property(text, (input) => {
        const read = parseJsonText(input);
        let expected: { value: unknown } | null = null;
        try {
          expected = { value: JSON.parse(input) };
        } catch {}
        assert.equal(read.ok, expected !== null);
        if (read.ok) assert.deepEqual(read.value, expected?.value);
      }),
      { numRuns: 2000 },
    );
  });

  test("finds every key that is written twice", () => {
    const keys = fc.array(fc.constantFrom("a", "b", "\\u0061", "c"), { maxLength: 6 });
    fc.assert(
      fc.property(keys, (names) => {
        const read = parseJsonText(`[0, {${names.map((name) => `"${name}": {"a": 1}`).join(",")}}]`);
        const distinct = new Set(names.map((name) => name.replace("\\u0061", "a")));
        assert.ok(read.ok);
        assert.equal(read.oddKeys.length, names.length - distinct.size);
        for (const { path } of read.oddKeys) assert.equal(path[0], 1);
      }),
    );
  });

  test("is not brought down by one very long string, number or list", () => {
    for (const text of [`"${"\\n".repeat(4_000_000)}"`, "1".repeat(9_000_000), `[${"[],".repeat(200_000)}[]]`]) {
      assert.equal(parseJsonText(text).ok, true);
    }
  });
});
