import assert from "node:assert/strict";
import { test } from "node:test";
import { complaint } from "./directives.ts";

const TEXT = "[Service]\nType=exec\nExecStart=/bin/true\n[Service]\nMemoryMax=lots\nNice=5\n";
const CASES: readonly (readonly [said: string, field: string, what: RegExp])[] = [
  [
    "/t/x.service:5: Invalid memory limit 'lots', ignoring: Invalid argument\n",
    "sandbox.serviceConfig.MemoryMax",
    /^systemd does not take MemoryMax=lots: Invalid memory limit 'lots'$/,
  ],
  [
    "/t/x.service:6: Unknown key 'Nice' in section [Service], ignoring.\nmore\n",
    "sandbox.serviceConfig.Nice",
    /^systemd does not take Nice=5: Unknown key 'Nice' in section \[Service\]/,
  ],
  [
    "x.service: Service has Restart= set to always. Refusing.\nUnit x.service has a bad unit file setting.\n",
    "sandbox.serviceConfig",
    /^systemd does not take it: x.service: Service has Restart= set to always. Refusing.$/,
  ],
];

for (const [said, field, what] of CASES) {
  test(`what systemd says of a directive is said of its field: ${field}`, () => {
    const problem = complaint("a", TEXT, said, "/t/x.service");
    assert.deepEqual([problem.instance, problem.field], ["a", field]);
    assert.match(problem.what, what);
  });
}
