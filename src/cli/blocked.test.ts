import assert from "node:assert/strict";
import { test } from "node:test";
import { egressReport } from "../daemon/egress/answers.ts";
import { isolated, LOGGING } from "../netpolicy/testing.ts";
import { growth, snippet, suggestions, table } from "./blocked-text.ts";

const own = new Set(["192.0.2.1"]);
const AT = Date.UTC(2026, 10, 21, 1, 2, 3);
const refused = (address: string, port: number, packets = 1, protocol = 6) => ({
  ...{ address, protocol, port, packets },
  ...{ first: AT, last: AT + packets * 1000 },
});
const report = (destinations: ReturnType<typeof refused>[], more: Parameters<typeof isolated>[1] = {}, further = 0) => {
  const total = destinations.reduce((sum, { packets }) => sum + packets, further);
  return egressReport(isolated("project-a", more), { total, further, destinations }, AT, own);
};

test("the table has a line a destination, with what would allow it", () => {
  const text = table([
    report([refused("203.0.113.7", 443, 37), refused("2001:db8::7", 53, 2, 17), refused("127.0.0.1", 5432)]),
  ]);
  assert.equal(
    text,
    `INSTANCE   DESTINATION           PACKETS  FIRST (UTC)          LAST (UTC)           TO ALLOW, IN networkIsolation
project-a  203.0.113.7:443/tcp        37  2026-11-21 01:02:03  2026-11-21 01:02:40  outboundAllowCidrs "203.0.113.7/32"
project-a  [2001:db8::7]:53/udp        2  2026-11-21 01:02:03  2026-11-21 01:02:05  dns "2001:db8::7"
project-a  127.0.0.1:5432/tcp          1  2026-11-21 01:02:03  2026-11-21 01:02:04  allowLoopbackPorts 5432
`,
  );
});

test("on a terminal it is no wider than that", () => {
  const text = table([report([refused("203.0.113.7", 443, 37), refused("2001:db8::7", 53, 2, 17)])], 80);
  assert.equal(
    text,
    `INSTANCE   DESTINATION           PACKETS  FIRST (UTC)  LAST (UTC)
project-a  203.0.113.7:443/tcp        37  11-21 01:02  11-21 01:02
  to allow: outboundAllowCidrs "203.0.113.7/32"
project-a  [2001:db8::7]:53/udp        2  11-21 01:02  11-21 01:02
  to allow: dns "2001:db8::7"
`,
  );
  const longest = report([refused("2001:db8:1111:2222:3333:4444:5555:6666", 65535, 1_000_000)]);
  const long = table([{ ...longest, name: "a-name-of-22-characters" }], 80);
  for (const line of long.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(
    long,
    /^ {2}to \[2001:db8:1111:2222:3333:4444:5555:6666\]:65535\/tcp\n {2}to allow: /m,
    "nothing of it is cut",
  );
});

test("what the table cannot show is said below it", () => {
  assert.equal(table([report([])]), "nothing was refused\n");
  const audit = table([{ ...report([], { mode: "audit" }, 9), observed: null }]);
  assert.match(audit, /9 more packets.*\n.*audit: nothing of this was refused.*\n.*not been observed/);
});

test("a muted destination is known for one", () => {
  const mute = { ...LOGGING, mute: { v4: ["203.0.113.0/24"], v6: [] } };
  const { destinations } = report([refused("203.0.113.7", 443), refused("198.51.100.7", 443)], { logging: mute });
  assert.deepEqual(
    destinations.map(({ muted }) => muted),
    [true, false],
  );
});

test("the suggestion is ready to be pasted, as Nix or as data", () => {
  const reports = [
    report([
      refused("203.0.113.6", 443),
      refused("203.0.113.7", 80),
      refused("127.0.0.1", 5432),
      refused("ff02::fb", 5353, 1, 17),
    ]),
  ];
  assert.equal(
    snippet(reports, own),
    `services.opencode.instances.project-a = {
  networkIsolation.outboundAllowCidrs = [ "203.0.113.6/31" ];
  networkIsolation.allowLoopbackPorts = [ 5432 ];
  # ff02::fb is multicast, broadcast or link-local and left out: allow it by hand if it is meant, or mute it with networkIsolation.logging.mute
};
`,
  );
  assert.deepEqual(suggestions(reports, own)["project-a"]?.networkIsolation, {
    outboundAllowCidrs: ["203.0.113.6/31"],
    allowLoopbackPorts: [5432],
  });
  assert.equal(snippet([report([])], own), "# project-a: nothing was refused\n");
});

test("following shows what is new and what goes on", () => {
  const before = [report([refused("203.0.113.7", 443, 2), refused("203.0.113.8", 443, 1)])];
  const now = [report([refused("203.0.113.9", 80, 4), refused("203.0.113.7", 443, 5), refused("203.0.113.8", 443, 1)])];
  assert.deepEqual(
    growth(before, now).map(({ text }) => text),
    [
      '2026-11-21 01:02:07  project-a  4 to 203.0.113.9:80/tcp  to allow: outboundAllowCidrs "203.0.113.9/32"',
      '2026-11-21 01:02:08  project-a  3 to 203.0.113.7:443/tcp  to allow: outboundAllowCidrs "203.0.113.7/32"',
    ],
  );
});
