/** Ports of several instances: which can stand side by side, and how a conflict is told on both. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { good, parseInstances, said } from "../fixtures.ts";

const on = (address: string, port = 1, extra: object = {}): object => good({ listen: { address, port, ...extra } });

/** Two addresses at one port, and whether one keeps the other out. */
const PAIRS: readonly (readonly [a: string, b: string, conflict: boolean])[] = [
  ["127.0.0.1", "127.0.0.1", true],
  ["127.0.0.1", "127.0.0.2", false],
  ["127.0.0.1", "0.0.0.0", true],
  ["0.0.0.0", "0.0.0.0", true],
  ["0.0.0.0", "::1", false],
  ["0.0.0.0", "::", true],
  ["127.0.0.1", "::", true],
  ["::1", "::", true],
  ["::1", "0:0::1", true],
  ["::1", "127.0.0.1", false],
  ["fd00::1", "fd00::2", false],
];

describe("the same port", () => {
  for (const [a, b, conflict] of PAIRS) {
    test(`on ${a} and ${b} ${conflict ? "is a conflict" : "is none"}`, () => {
      const parsed = parseInstances({ a: on(a), b: on(b) });
      assert.deepEqual(parsed.ok && parsed.bad, conflict ? ["a", "b"] : []);
    });
  }

  test("is told on both, each naming the other", () => {
    assert.deepEqual(
      said(
        parseInstances({
          a: on("127.0.0.1", 8787),
          b: on("0.0.0.0", 1, { extraPorts: [2, 8787] }),
          c: on("::1", 8787),
        }),
      ),
      [
        'a: listen.port: port 8787 on 127.0.0.1 is also wanted by instance "b" (its listen.extraPorts[1], on 0.0.0.0); write a port that no other instance has',
        'b: listen.extraPorts[1]: port 8787 on 0.0.0.0 is also wanted by instance "a" (its listen.port, on 127.0.0.1); write a port that no other instance has',
      ],
    );
  });

  test("may wait in a disabled instance", () => {
    assert.deepEqual(said(parseInstances({ a: on("127.0.0.1"), b: good({ enable: false, listen: { port: 1 } }) })), []);
  });

  test("wanted by many is told with a few of them", () => {
    const names = ["a", "b", "c", "d", "e", "f", "g"];
    const parsed = parseInstances(
      Object.fromEntries(names.map((name, index) => [name, on(index < 2 ? "::" : "127.0.0.1")])),
    );
    const perInstance = Map.groupBy(parsed.problems, ({ instance }) => instance);
    assert.deepEqual(
      names.map((name) => perInstance.get(name)?.length),
      names.map(() => 4),
    );
  });
});
