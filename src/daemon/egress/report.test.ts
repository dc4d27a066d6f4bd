import assert from "node:assert/strict";
import { test } from "node:test";
import { isolated, LOGGING } from "../../netpolicy/testing.ts";
import type { Growth, Reading } from "./ledger.ts";
import { Reporter } from "./report.ts";

const policy = isolated("project-a");
const growth = (port: number, by: number, isNew = true, address = "203.0.113.7"): Growth => ({
  refused: { address, protocol: 6, port, packets: by, first: 0, last: 0 },
  by,
  isNew,
});
const reading = (grown: readonly Growth[], more: Partial<Reading> = {}): Reading => ({
  further: 0,
  grown,
  ...more,
});
const reporter = () => new Reporter(() => new Set(["192.0.2.1"]));
const texts = (reports: readonly { text: string }[]) => reports.map(({ text }) => text);

test("a new destination is said at once, with the line that allows it", () => {
  const [report] = reporter().take(policy, reading([growth(443, 37)]), 0);
  assert.equal(
    report?.text,
    'project-a: 37 packets to 203.0.113.7:443/tcp refused; to allow: networkIsolation.outboundAllowCidrs = [ "203.0.113.7/32" ];',
  );
  assert.deepEqual([report?.packets, report?.refused?.port], [37, 443]);
});

test("what the policy allows was one connection too many, or is allowed since", () => {
  const allowing = isolated("project-a", { allow: { v4: ["203.0.113.0/24"], v6: [] }, connectionsMax: 100 });
  const [text] = texts(reporter().take(allowing, reading([growth(443, 2)]), 0));
  assert.equal(
    text,
    "project-a: 2 packets to 203.0.113.7:443/tcp refused; it is allowed by now, as long as there are no more than networkIsolation.connectionsMax = 100 connections at once",
  );
  const [dns] = texts(reporter().take(allowing, reading([growth(53, 1)]), 0));
  assert.match(dns ?? "", /to allow: networkIsolation\.dns/);
});

test("in audit mode it says that they passed", () => {
  const audit = isolated("project-a", { mode: "audit" });
  const [text] = texts(reporter().take(audit, reading([growth(443, 1)]), 0));
  assert.match(
    text ?? "",
    /^project-a: 1 packet to 203\.0\.113\.7:443\/tcp would be refused \(audit: they passed\); to allow: /,
  );
});

test("what goes on is summed up when it is time, and not before", () => {
  const to = reporter();
  to.take(policy, reading([growth(443, 1)]), 0);
  assert.equal(to.next, null);
  for (const at of [1000, 2000]) assert.deepEqual(to.take(policy, reading([growth(443, 10, false)]), at), []);
  assert.equal(to.next, 60_000);
  assert.deepEqual(to.due(policy, 59_999), []);
  assert.match(
    texts(to.due(policy, 60_000)).join(),
    /^project-a: 20 packets to 203\.0\.113\.7:443\/tcp refused; to allow/,
  );
  assert.deepEqual([to.next, to.due(policy, 120_000)], [null, []]);
});

test("thousands of destinations are a few lines: no more than the kernel may log, ten in a summary, and one for the rest", () => {
  const to = reporter();
  const many = Array.from({ length: 1000 }, (_, port) => growth(port + 1, 2));
  assert.equal(to.take(policy, reading(many, { further: 500 }), 0).length, LOGGING.burst);
  const lines = texts(to.due(policy, 60_000));
  assert.equal(lines.length, 11);
  assert.equal(
    lines.at(-1),
    "project-a: 2470 packets to 985 or more further destinations refused; see `opencode-supervisor blocked project-a`",
  );
  assert.equal(to.take(policy, reading([growth(5000, 1), growth(5001, 1)]), 72_000).length, 2, "some are due again");
});

test("what an earlier daemon may have told waits for the summary; what is muted is never told", () => {
  const to = reporter();
  const mute = { ...LOGGING, mute: { v4: ["203.0.113.8/31"], v6: ["2001:db8::/32"] } };
  const muting = isolated("project-a", { logging: mute });
  const grown = [growth(443, 3), growth(80, 3, true, "203.0.113.9"), growth(80, 3, true, "2001:db8::1")];
  assert.deepEqual(to.take(muting, reading(grown), 0, true), []);
  assert.deepEqual(
    to.due(muting, 60_000).map(({ refused }) => refused?.port),
    [443],
  );
});
