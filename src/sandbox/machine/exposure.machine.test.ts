/** `systemd-analyze security` of what runs: an instance, its setup, and the supervisor itself. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { light, Supervised } from "../../daemon/machine/testing.ts";
import { mainUnit, SUPERVISOR_UNIT, setupUnit } from "../../spec/names.ts";

/** The most that each may score; 10 is everything open. */
const MOST: Readonly<Record<string, number>> = {
  [mainUnit("isolated")]: 1.3,
  [setupUnit("isolated")]: 1.3,
  [mainUnit("open")]: 1.3,
  [setupUnit("open")]: 1.3,
  [SUPERVISOR_UNIT]: 3.0,
};

describe("exposure of the running units", () => {
  let host: Supervised;
  before(async () => {
    const isolated = light("isolated", 7001, { networkIsolation: { enable: true } });
    host = await Supervised.up("exposure", { isolated, open: light("open", 7002) });
    await host.untilAll({ isolated: "starting", open: "starting" });
  });
  after(async () => {
    await host?.down();
  });

  for (const [unit, most] of Object.entries(MOST)) {
    it(`${unit} scores ${most.toFixed(1)} at most`, async (t) => {
      const security = ["systemd-analyze", "security", "--no-pager"];
      const { stdout, code } = await host.machine.exec([...security, `--threshold=${most * 10}`, unit], {
        check: false,
      });
      t.diagnostic(/→.*/.exec(stdout)?.[0] ?? stdout);
      assert.equal(code, 0, stdout);
    });
  }
});
