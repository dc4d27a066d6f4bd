import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { configFault } from "./jsonc.ts";

const GOOD: readonly (readonly [what: string, text: string])[] = [
  ["an empty object", "{}"],
  ["comments of both kinds, anywhere", '// a\n{ /* b */ "a" /* c\n*/ : [1, // d\n 2] } // e'],
  ["trailing commas", '{"a": [1, 2,], "b": {"c": null,},}'],
  ["what looks like a comment in a string", '{"url": "https://x/*", "b": "a,]"}'],
  ["escapes", '{"a\\"b": "\\u00e9\\\\"}'],
  [
    "opencode's substitutions, in and outside of strings",
    '{"a": "{env:KEY}", "b": {env:PORT}, "c": [{file:./x.json}]}',
  ],
  ["a byte order mark", "\uFEFF{}"],
  ["numbers of every form", '{"a": [0, -1, 1.5, 1e9, -2.5E-3]}'],
];
for (const [what, text] of GOOD) test(`takes ${what}`, () => assert.equal(configFault(text), null));

const BAD: readonly (readonly [what: string, text: string, fault: string])[] = [
  ["nothing", "", "is empty"],
  ["only a comment", " // {}\n", "is empty"],
  ["a list", "[]", "is not a JSON object (line 1, column 1)"],
  ["text", '"{}"', "is not a JSON object (line 1, column 1)"],
  ["a truncated object", '{"a": {\n"b": 1', "is not a JSON object (line 2, column 7)"],
  ["a bare key", '{\n  "a": 1,\n  b: 2\n}', "is not a JSON object (line 3, column 3)"],
  ["a bare word", '{"a": yes}', "is not a JSON object (line 1, column 7)"],
  ["a missing comma", '{"a": 1 "b": 2}', "is not a JSON object (line 1, column 9)"],
  ["a lone comma", "[,]", "is not a JSON object (line 1, column 1)"],
  ["a comma too many", '{"a": [1,,2]}', "is not a JSON object (line 1, column 10)"],
  ["text after the end", "{} x", "is not a JSON object (line 1, column 4)"],
  ["a line break in a string", '{"a": "b\n"}', "is not a JSON object (line 1, column 7)"],
  [
    "a long string without its end",
    `{"a": "${"b".repeat(100)}\\n${"b".repeat(100)}\n}`,
    "is not a JSON object (line 1, column 7)",
  ],
  ["a number with a leading zero", '{"a": 01}', "is not a JSON object (line 1, column 7)"],
  ["an unfinished comment", "{ /* }", "is not a JSON object (line 1, column 3)"],
];
for (const [what, text, fault] of BAD) test(`refuses ${what}`, () => assert.equal(configFault(text), fault));

test("says nothing of what stands in a broken config", () => {
  assert.doesNotMatch(configFault('{"apiKey": sk-secret}') ?? "", /secret/);
});

test("takes every object that JSON.stringify makes, and none with its end cut off", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      assert.equal(configFault(text), null);
      assert.notEqual(configFault(text.slice(0, -1)), null);
    }),
  );
});

test("never throws", () => {
  const piece = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "//",
    "/*",
    "*/",
    "\n",
    "1",
    "null",
    "{env:A}",
    '"a"',
  );
  fc.assert(fc.property(fc.array(piece), (pieces) => configFault(pieces.join("")) !== undefined));
});
