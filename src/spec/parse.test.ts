import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytes, good, parseFile, parseInstances, said } from "./fixtures.ts";
import { MAX_BYTES, parseInstanceFile } from "./parse.ts";

const MINIMAL = '{"version":1,"instances":{"a":{"directory":"/srv/a","listen":{"port":8787}}}}';

describe("a good file", () => {
  test("the minimal one gives one instance with every default filled in", () => {
    const parsed = parseInstanceFile(bytes(MINIMAL));

    assert.ok(parsed.ok);
    assert.deepEqual(parsed.problems, []);
    const [spec, ...others] = parsed.specs;
    assert.deepEqual(others, []);
    assert.equal(spec?.name, "a");
    assert.equal(spec?.user, "opencode-a");
    assert.equal(spec?.group, "opencode-a");
    assert.equal(spec?.ownUser, true);
    assert.equal(spec?.stateDir, "/var/lib/opencode/instance-state/a");
    assert.deepEqual(spec?.listen, { port: 8787, address: "127.0.0.1", extraPorts: [], allowFrom: [] });
    assert.equal(spec?.limits.hookTimeout, 90);
    assert.equal(spec?.networkIsolation.logging.burst, 5);
    assert.equal(spec?.configFile, null);
  });

  test("instances come sorted by name, whatever order the file has", () => {
    const parsed = parseInstances({
      b: good({ directory: "/srv/b", listen: { port: 2 } }),
      a: good({ enable: false }),
    });
    assert.ok(parsed.ok);
    assert.deepEqual(
      parsed.specs.map(({ name, enable }) => [name, enable]),
      [
        ["a", false],
        ["b", true],
      ],
    );
  });

  test("an operator's user and group stand; the group follows the user", () => {
    const parsed = parseInstances({ a: good({ user: "dev" }) });
    assert.ok(parsed.ok);
    assert.deepEqual([parsed.specs[0]?.user, parsed.specs[0]?.group, parsed.specs[0]?.ownUser], ["dev", "dev", false]);
  });

  test("a byte order mark, no instance and a $schema are no mistakes", () => {
    assert.deepEqual(said(parseInstanceFile(bytes(`\ufeff${MINIMAL}`))), []);
    assert.deepEqual(parseFile({ $schema: "x", version: 1, instances: {} }), {
      ok: true,
      specs: [],
      problems: [],
      bad: [],
    });
  });

  test("two instances get default objects of their own", () => {
    const parsed = parseInstances({ a: good(), b: good({ listen: { port: 1 } }) });
    assert.ok(parsed.ok);
    assert.notEqual(parsed.specs[0]?.sandbox, parsed.specs[1]?.sandbox);
    assert.notEqual(parsed.specs[0]?.config, parsed.specs[1]?.config);
  });
});

describe("a bad instance in a good file", () => {
  test("is left out and named; the others are there", () => {
    const parsed = parseInstances({ bad: good({ directory: "srv" }), a: good({ listen: { port: 1 } }), worse: 5 });
    assert.ok(parsed.ok);
    assert.deepEqual(
      parsed.specs.map(({ name }) => name),
      ["a"],
    );
    assert.deepEqual(parsed.bad, ["bad", "worse"]);
    assert.deepEqual(said(parsed), [
      'bad: directory: "srv" is not an absolute path; write an absolute path, such as "/srv/project"',
      'worse: 5 is not an object; write an object, at least {"directory": …, "listen": …}',
    ]);
  });

  test("a key written twice is a mistake of the instance it is in", () => {
    const text = '{"version":1,"instances":{"a":{"listen":{"port":1,"p\\u006frt":2},"directory":"/a"},"b":{},"b":{}}}';
    assert.deepEqual(
      said(parseInstanceFile(bytes(text))).filter((line) => line.includes("twice")),
      [
        'a: listen.port: the key "port" is written twice; keep one of them',
        'b: the key "b" is written twice; keep one of them',
      ],
    );
  });

  test("__proto__ is a mistake wherever it stands, told once, and changes no object", () => {
    const text =
      '{"version":1,"instances":{"a":{"directory":"/a","listen":{"port":1},"__proto__":{"user":"root"},"config":{"x":{"__proto__":{"y":1}}},' +
      '"environment":{"__proto__":"x"}},"__proto__":{"directory":"/b","listen":{"port":2}}}}';
    const parsed = parseInstanceFile(bytes(text));
    assert.deepEqual(
      said(parsed).filter((line) => line.includes("the key")),
      [
        '__proto__: the key "__proto__" cannot be used; remove it',
        'a: __proto__: the key "__proto__" cannot be used; remove it',
        'a: config.x.__proto__: the key "__proto__" cannot be used; remove it',
        'a: environment.__proto__: the key "__proto__" cannot be used; remove it',
      ],
    );
    assert.deepEqual(parsed.ok && parsed.specs, []);
    assert.equal(Object.hasOwn(Object.prototype, "y"), false);
  });

  test("names that every object knows are ordinary names", () => {
    const names = ["constructor", "valueof", "tostring"];
    const parsed = parseInstances(
      Object.fromEntries(
        names.map((name, port) => [name, good({ listen: { port: port + 1 }, environment: { [name]: "x" } })]),
      ),
    );
    assert.deepEqual(said(parsed), []);
  });

  test("no more problems are told of one than anyone reads", () => {
    const parsed = parseInstances({ a: good({ extraArgs: Array.from({ length: 300 }, () => "--model") }) });
    assert.equal(parsed.problems.length, 101);
    assert.equal(said(parsed).at(-1), "a: and 200 more mistakes; mend those above first");
  });

  test("a name that would upset a terminal is shown harmlessly", () => {
    const parsed = parseInstances({ "\u001b[2J": good() });
    assert.equal(parsed.problems[0]?.instance, "\\u001b[2J");
  });
});

const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

/** A broken file, and all that is said of it. */
const BROKEN: readonly (readonly [title: string, content: string | Uint8Array, problems: readonly string[]])[] = [
  ["empty", "", ['the file is empty; write {"version": 1, "instances": {}} at least']],
  ["blank", " \n\t", ['the file is empty; write {"version": 1, "instances": {}} at least']],
  [
    "not UTF-8",
    new Uint8Array([0x7b, 0x0a, 0xff, 0x7d]),
    ["the file is not UTF-8 text (near line 2); save it as UTF-8"],
  ],
  [
    "UTF-16",
    Buffer.from(MINIMAL, "utf16le"),
    ["the file is not JSON: a key in double quotes was expected, at line 1, column 2; mend it there"],
  ],
  [
    "truncated",
    MINIMAL.slice(0, 40),
    ["the file is not JSON: it ends too early: the string has no closing quote, at line 1, column 41; mend it there"],
  ],
  [
    "truncated between two tokens",
    '{"version": 1,\n"instances": {',
    [
      "the file is not JSON: it ends too early: a key in double quotes was expected, at line 2, column 15; mend it there",
    ],
  ],
  [
    "a missing comma",
    '{"version": 1\n "instances": {}}',
    ['the file is not JSON: a "," or "}" was expected, at line 2, column 2; mend it there'],
  ],
  [
    "a comma too many",
    '{"version": 1,}',
    ["the file is not JSON: a key in double quotes was expected, at line 1, column 15; mend it there"],
  ],
  ["a comment", "// x\n{}", ["the file is not JSON: a value was expected, at line 1, column 1; mend it there"]],
  [
    "two documents",
    "{} {}",
    ["the file is not JSON: there is text behind the end of the document, at line 1, column 4; mend it there"],
  ],
  [
    "nested too deep",
    deep(100),
    ["the file is not JSON: it is nested more than 64 deep, at line 1, column 321; mend it there"],
  ],
  [
    "more values than anyone writes",
    `[${"0,".repeat(250_000)}0]`,
    ["the file is not JSON: it holds more than 250000 values, at line 1, column 500000; mend it there"],
  ],
  ["larger than 10 MiB", new Uint8Array(MAX_BYTES + 1), ["the file is larger than 10 MiB; write a smaller one"]],
  ["10 MiB of nothing", " ".repeat(MAX_BYTES), ['the file is empty; write {"version": 1, "instances": {}} at least']],
  [
    "more instances than any host runs",
    JSON.stringify({
      version: 1,
      instances: Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`n${i}`, 0])),
    }),
    ["instances: 10001 are more than one host can run; write 10000 at most"],
  ],
  ["a list", "[]", ['the file holds a list, not an object; write {"version": 1, "instances": {…}}']],
  ["null", "null", ['the file holds null, not an object; write {"version": 1, "instances": {…}}']],
  ["no version", '{"instances":{}}', ["version: is missing; write 1"]],
  [
    "another version",
    '{"version":2,"things":{}}',
    ["version: 2 is not a version this supervisor understands; write 1"],
  ],
  [
    "a version in quotes",
    '{"version":"1","instances":{}}',
    ['version: "1" is not a version this supervisor understands; write 1'],
  ],
  ["no instances", '{"version":1}', ['instances: is missing; write {} or {"name": {…}, …}']],
  [
    "a list of instances",
    '{"version":1,"instances":[]}',
    ['instances: a list is not an object; write {} or {"name": {…}, …}'],
  ],
  [
    "a misspelt key at the top, and mistakes below it",
    '{"version":1,"instances":{"a":{"directory":"/a"}},"instnaces":{},"$schema":1}',
    [
      "$schema: 1 is not text; write the address of a schema, or remove it",
      'instnaces: unknown key "instnaces"; did you mean "instances"?',
      'a: listen: is missing; write an object, at least {"port": …}',
    ],
  ],
  [
    "a key twice at the top",
    '{"version":1,"instances":{},"version":1}',
    ['version: the key "version" is written twice; keep one of them'],
  ],
];

describe("a broken file", () => {
  for (const [title, content, problems] of BROKEN) {
    test(title, () => {
      const parsed = parseInstanceFile(typeof content === "string" ? bytes(content) : content);
      assert.equal(parsed.ok, false);
      assert.deepEqual(said(parsed), problems);
    });
  }
});
