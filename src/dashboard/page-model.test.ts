/** What the page makes of plain data: words, numbers, lanes, the list. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SupervisorEvent } from "../daemon/events/model.ts";
import type { State } from "../daemon/instance/state.ts";
import { ago, bytes, clock, count, duration, endpoint, percent } from "./page/format.ts";
import { type Lane, laneOf, lanesOf } from "./page/lanes.ts";
import { type Listing, listed } from "./page/listing.ts";
import { STATES, shownPolicy, shownState, TONES } from "./page/states.ts";
import { withReading } from "./page/usage.ts";
import { facts, noticesOf, verdict } from "./page/words.ts";
import { instanceOf, statusOf, usageOf } from "./testing.ts";

test("every state of the supervisor has its word and mark, and one that is new its own name", () => {
  const known: Readonly<Record<State, { tone: string; word: string }>> = STATES;
  const tones = TONES.map(({ tone }): string => tone);
  for (const [state, { tone, word }] of Object.entries(known)) {
    assert.ok(tones.includes(tone), state);
    assert.match(word, /^[A-Z][a-z ]+$/);
  }
  assert.deepEqual(
    [shownState("ready").tone, shownState("constructor").word, shownState("new").tone],
    ["good", "constructor", "busy"],
  );
});

test("a policy that is not in force is only fine where nothing runs", () => {
  const policy = (wanted: string, inForce: boolean, runs: boolean) => {
    const { tone, word } = shownPolicy({ wanted, inForce }, runs);
    return `${tone} ${word}`;
  };
  assert.deepEqual(
    [
      policy("none", false, true),
      policy("enforce", true, true),
      policy("enforce", false, true),
      policy("enforce", false, false),
      policy("audit", true, true),
    ],
    ["off Open", "good Enforced", "bad Not in force", "off Not in force", "busy Audit"],
  );
});

test("numbers and times read as a person says them", () => {
  assert.deepEqual(
    [bytes(0), bytes(1023), bytes(331_350_016), bytes(1.4 * 2 ** 30), bytes(null)],
    ["0 B", "1023 B", "316 MiB", "1.4 GiB", "–"],
  );
  assert.deepEqual([percent(0.032), percent(0.5), percent(2), percent(null)], ["3.2 %", "50 %", "200 %", "–"]);
  assert.deepEqual(
    [duration(59_000), duration(60_000), duration(7.2e6), duration(3 * 8.64e7)],
    ["under 1 min", "1 min", "2 h", "3 d"],
  );
  const now = Date.parse("2026-01-02T03:10:00Z");
  assert.deepEqual(
    [ago("2026-01-02T03:09:30Z", now), ago("2026-01-02T03:04:05Z", now), ago(null, now)],
    ["just now", "5 min ago", "–"],
  );
  assert.deepEqual([endpoint({ address: "::1", port: 1 }), endpoint(null)], ["[::1]:1", "–"]);
  assert.deepEqual(
    [count(0, "packet"), count(1, "packet"), count(999, "packet"), count(1204, "packet"), count(12_345_678, "packet")],
    ["0 packets", "1 packet", "999 packets", "1,204 packets", "12,345,678 packets"],
  );
  const at = new Date(2026, 8, 2, 3, 4, 5); // where the test runs
  assert.deepEqual(
    [clock(at.toISOString(), at.getTime() + 1000), clock(at.toISOString(), at.getTime() + 8.64e7)],
    ["03:04:05", "2 Sept, 03:04:05"],
  );
});

const NOW = Date.parse("2026-01-02T04:00:00Z");
const MINUTE = 60_000;
const event = (
  minutes: number,
  state: string,
  { run = "r", instance = "a", kind = "state" } = {},
): SupervisorEvent => ({
  id: `${run}-${60 - minutes}`,
  at: new Date(NOW - minutes * MINUTE).toISOString(),
  ...{ kind, severity: "info", instance, message: `${instance}: ${state}`, fields: { state } },
});
const told = ({ segments, marks }: Lane): string[] => [
  ...segments.map(({ from, to, state }) => `${state} ${(NOW - from) / MINUTE}–${(NOW - to) / MINUTE}`),
  ...marks.map(({ at, kind }) => `${kind} at ${(NOW - at) / MINUTE}`),
];

test("a lane has the states up to now, and what was a restart or a failure", () => {
  const events = [
    event(50, "starting"),
    event(49, "ready"),
    event(20, "backing-off"),
    event(19, "starting"),
    event(18, "ready"),
  ];
  assert.deepEqual(told(laneOf("a", events, NOW - 30 * MINUTE, NOW)), [
    ...["ready 30–20", "backing-off 20–19", "starting 19–18", "ready 18–0"],
    ...["failure at 20", "restart at 19"],
  ]);
});

test("what a new run of the supervisor finds is no restart, and what is gone has no state", () => {
  const events = [
    event(50, "ready"),
    event(40, "starting", { run: "s" }),
    event(39, "ready", { run: "s" }),
    event(5, "", { kind: "gone", run: "s" }),
  ];
  assert.deepEqual(told(laneOf("a", events, NOW - 60 * MINUTE, NOW)), ["ready 50–40", "starting 40–39", "ready 39–5"]);
});

test("lanes are of those to which something happened of late, the liveliest first", () => {
  const of = (instance: string) => ({ instance });
  const events = [
    ...[
      event(300, "ready", of("old")),
      event(50, "ready", of("calm")),
      event(30, "ready", of("b")),
      event(20, "starting", of("b")),
    ],
    event(10, "", { kind: "refused", instance: "other" }),
  ];
  assert.deepEqual(
    lanesOf(events, NOW, 60 * MINUTE).map(({ name, restarts }) => `${name} ${restarts}`),
    ["b 1", "calm 0"],
  );
});

test("what an instance uses is told from one reading to the next, and anew when it was made anew", () => {
  const reading = (at: number, cpuSeconds: number | null) => ({ at, instances: { a: usageOf(1024, cpuSeconds) } });
  let known = withReading(new Map(), reading(0, 10));
  known = withReading(known, reading(2000, 11));
  known = withReading(known, reading(4000, 0.5));
  known = withReading(known, reading(6000, 1.5));
  known = withReading(known, reading(6000, 1.5));
  assert.deepEqual(
    known.get("a")?.map(({ cpu }) => cpu),
    [null, 0.5, null, 0.5],
  );
  assert.equal(withReading(known, { at: 8000, instances: {} }).size, 0);
  for (let at = 7000; at < 1_000_000; at += 1000) known = withReading(known, reading(at, null));
  assert.equal(known.get("a")?.length, 120);
});

test("the list is as asked for: what needs a person first, parts of words, largest numbers", () => {
  const instances = [
    ...[
      instanceOf("b"),
      instanceOf("a", { state: "stopped" }),
      instanceOf("c", { state: "failed", why: "out of memory" }),
    ],
    instanceOf("d", { restarts: 4 }),
  ];
  const memory = new Map([["b", 5]]);
  const names = (part: Partial<Listing>): string =>
    listed(instances, { column: "state", descending: false, text: "", tone: null, ...part }, (name) =>
      memory.has(name) ? { at: 0, memory: memory.get(name) ?? null, cpu: null, cpuSeconds: null } : undefined,
    )
      .map(({ name }) => name)
      .join("");
  assert.deepEqual(
    [
      names({}),
      names({ column: "name", descending: true }),
      names({ text: " Memory" }),
      names({ tone: "good" }),
      names({ text: "stopped" }),
    ],
    ["cbda", "dcba", "c", "bd", "a"],
  );
  assert.deepEqual(
    [names({ column: "restarts", descending: true }), names({ column: "memory", descending: true })],
    ["dabc", "bacd"],
  );
});

test("one sentence says how all is", () => {
  const say = (states: readonly string[], problems = 0): string =>
    verdict(
      states.map((state, index) => instanceOf(`i${index}`, { state })),
      statusOf({
        problems: Array.from({ length: problems }, () => ({ instance: null, field: "version", what: "x", fix: "y" })),
      }),
    );
  assert.deepEqual(
    [
      say([]),
      say(["ready"]),
      say(["ready", "ready"]),
      say(["ready", "stopped"]),
      say(["ready", "starting"]),
      say(["ready", "failed"]),
      say(["blocked", "failed"]),
    ],
    [
      "There are no instances yet.",
      "The one instance is ready.",
      "All 2 instances are ready.",
      "1 of 2 instances ready, the rest are off.",
      "1 instance of 2 on its way.",
      "1 of 2 instances needs a person.",
      "2 of 2 instances need a person.",
    ],
  );
  assert.deepEqual([say(["ready"], 1), verdict(null, null)], ["1 thing needs a person.", "Asking the supervisor…"]);
  assert.match(
    facts({ status: statusOf(), usage: new Map() }, Date.parse("2026-01-02T05:04:05Z")),
    /^supervisor 0\.1\.0, up 2 h {2}· {2}systemd 257$/,
  );
});

test("what is wrong with the host, or with what is shown, stands above everything", () => {
  const titles = (...[link, more]: ["live" | "away" | "ended", Parameters<typeof statusOf>[0]?]): string[] =>
    noticesOf({ link, why: "why", status: statusOf(more) }).map(({ title }) => title);
  assert.deepEqual(
    [titles("live"), titles("away"), titles("ended")],
    [[], ["The supervisor does not answer"], ["The dashboard cannot be reached"]],
  );
  const wrong = {
    ...{ target: "inactive", systemd: { version: 257, connected: false } },
    egress: { table: false, owned: true, why: "nft is missing", repairs: 0, lastRepair: null },
    problems: [{ instance: "b", field: "directory", what: "/srv/b does not exist", fix: "make it" }],
  };
  assert.deepEqual(titles("live", wrong), [
    "systemd cannot be asked",
    "opencode.target is not active",
    "The table of network policies is missing",
    "b: directory",
  ]);
});
