import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { facts, readyView, snapshotOf } from "../api/testing.ts";
import type { State } from "../instance/state.ts";
import { up } from "../instance/testing.ts";
import { family, histogram } from "./exposition.ts";
import { Histogram, timings } from "./histogram.ts";
import { METRICS, metricsText, processUsage, type Source } from "./metrics.ts";
import { PAGE_FILE, withMetrics } from "./reference.ts";

const source = (more: Partial<Source> = {}): Source => ({
  ...{ facts, snapshot: snapshotOf([readyView]), reports: [{ name: "a", total: 7 }], timings: timings(), streams: 2 },
  ...{ process: { rssBytes: 1e8, cpuSeconds: 1.5, openFiles: 30 }, ...more },
});

test("the text is Prometheus' own: help, type, labels escaped", () => {
  assert.equal(
    family("x_total", "counter", "What.", [[1, { a: 'b"\\\n' }], [2]]),
    '# HELP x_total What.\n# TYPE x_total counter\nx_total{a="b\\"\\\\\\n"} 1\nx_total 2\n',
  );
  assert.equal(family("x", "gauge", "None.", []), "");
});

test("a histogram counts what took as long or less, failures too", async () => {
  const taken = new Histogram([0.1, 1]);
  for (const seconds of [0.05, 0.1, 0.5, 5]) taken.observe(seconds);
  await assert.rejects(taken.time(() => Promise.reject(new Error("no"))));
  assert.equal(
    await taken.time(
      async () => 7,
      () => false,
    ),
    7,
  );
  assert.deepEqual([taken.errors, taken.counts], [2, [4, 1, 1]]);
  assert.match(
    histogram("x", "What.", taken),
    /x_bucket\{le="0.1"\} 4\nx_bucket\{le="1"\} 5\nx_bucket\{le="\+Inf"\} 6\nx_sum 5\.6\d*\nx_count 6\n$/,
  );
});

test("what is said of one that is ready", () => {
  const text = metricsText(source());
  for (const line of [
    `opencode_supervisor_build_info{version="0.1.0",node="${process.versions.node}",systemd="257"} 1`,
    "process_start_time_seconds 1700000000",
    'opencode_instances{state="ready"} 1',
    'opencode_instances{state="failed"} 0',
    'opencode_instance_ready{instance="a"} 1',
    'opencode_instance_policy_in_force{instance="a"} 1',
    'opencode_instance_refused_packets_total{instance="a"} 7',
    "opencode_event_followers 2",
    "process_cpu_seconds_total 1.5",
    "process_open_fds 30",
  ]) {
    assert.ok(text.split("\n").includes(line), line);
  }
});

test("what the process uses is counted as it is", () => {
  const before = processUsage();
  assert.ok(before.rssBytes > 1e6 && before.cpuSeconds > 0 && before.openFiles >= 3);
  const file = openSync("/dev/null", "r");
  assert.equal(processUsage().openFiles, before.openFiles + 1);
  closeSync(file);
});

test("every state has a series", () => {
  const states: Record<State, true> = {
    ...{ disabled: true, invalid: true, waiting: true, blocked: true, "setting-up": true, starting: true, ready: true },
    ...{ unhealthy: true, "backing-off": true, failed: true, stopping: true, stopped: true },
  };
  const text = metricsText(source());
  for (const state of Object.keys(states)) assert.ok(text.includes(`opencode_instances{state="${state}"}`), state);
});

test("of a server that ran before the supervisor it is not said how long it took to be ready", () => {
  const after = (since: number) =>
    metricsText(source({ snapshot: snapshotOf([{ ...readyView, main: { ...up("opencode-a.service"), since } }]) }))
      .split("\n")
      .filter((line) => line.startsWith("opencode_instance_ready_after_seconds{"));
  assert.deepEqual(after((facts.startedAt - 1) * 1000), []);
  assert.equal(after(facts.startedAt * 1000).length, 1);
});

test("the count of repairs goes on when the first ones are no longer kept", () => {
  const repair = { by: "nft", lost: [], failed: [], took: 1, at: 1 };
  const repairs = Array.from({ length: 100 }, (_, index) => ({ ...repair, nth: 51 + index }));
  const snapshot = { ...snapshotOf([readyView]), egress: { missing: null, repairs, observedAt: () => null } };
  assert.match(metricsText(source({ snapshot })), /^opencode_egress_repairs_total 150$/m);
});

test("series grow with instances and with nothing that an agent chooses", () => {
  const count = (text: string) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
  const views = Array.from({ length: 500 }, (_, index) => ({ ...readyView, name: `i-${index}` }));
  const [none, many] = [
    count(metricsText(source({ snapshot: snapshotOf([]) }))),
    count(metricsText(source({ snapshot: snapshotOf(views) }))),
  ];
  assert.ok(many - none <= 500 * 8, `${many - none} for 500 instances`);
  const planted = { ...readyView, health: { kind: "ready" as const, version: 'x"} 1\nplanted 1', since: 1 } };
  assert.equal(metricsText(source({ snapshot: snapshotOf([planted]) })).includes("planted"), false);
});

test("names are as Prometheus wants them, and unique", () => {
  for (const { name, type, help } of METRICS) {
    assert.match(name, /^(opencode|process)_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.match(help, /^[^|]+\.$/, name);
  }
  assert.equal(new Set(METRICS.map(({ name }) => name)).size, METRICS.length);
});

test("docs/reference/metrics.md has the table; if not: node src/daemon/metrics/reference.ts --write", () => {
  const page = readFileSync(PAGE_FILE, "utf8");
  assert.equal(page, withMetrics(page));
  assert.throws(() => withMetrics("# Metrics"), /has lost its marks/);
});

test("alerts and dashboard ask for metrics that there are, and every alert is tested", () => {
  const read = (name: string) => readFileSync(new URL(`../../../monitoring/${name}`, import.meta.url), "utf8");
  const alerts = read("alerts.yml");
  const known = new Set(METRICS.map(({ name }) => name));
  const asked = `${alerts}${read("alerts.test.yml")}${read("dashboard.json")}`.matchAll(
    /\b(?:opencode|process)_[a-z_]+/g,
  );
  const unknown = [...asked].map(([name]) => name.replace(/_bucket$/, "")).filter((name) => !known.has(name));
  assert.deepEqual(unknown, []);
  for (const [, alert] of alerts.matchAll(/- alert: (\w+)/g)) {
    assert.match(read("alerts.test.yml"), new RegExp(`alertname: ${alert}\n +exp_alerts`), `${alert} fires in a test`);
  }
});
