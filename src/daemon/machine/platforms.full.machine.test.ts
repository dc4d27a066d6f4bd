/**
 * The supervisor beside another systemd and nftables than all other tests have: the newest that Debian has, the oldest that it
 * runs on, and one that is too old. What was found is in docs/platforms.md.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { obstacleTo } from "../../../testbed/image.ts";
import { connect } from "../../../testbed/network.ts";
import { Peer } from "../../../testbed/peer.ts";
import type { Suite } from "../../../testbed/suites.ts";
import { OLDEST_SYSTEMD } from "../../sandbox/host.ts";
import { matrixOf } from "../../sandbox/machine/escape-matrix.ts";
import { EscapeScene } from "../../sandbox/machine/escape-scene.ts";
import { mainUnit, SUPERVISOR_UNIT, setupUnit } from "../../spec/names.ts";
import { light, Supervised, scripted } from "./testing.ts";

interface Platform {
  /** Of the instance too: all machines write to one kernel log. */
  readonly name: "newest" | "oldest";
  readonly suite: Suite;
  readonly isSystemd: (version: number) => boolean;
  /** Directives that instances lack, as `relaxations` has them. */
  readonly lost: readonly string[];
  /** How each line begins of what is weaker on this host. */
  readonly weaker: readonly string[];
  /** Attempts of the escape matrix that end otherwise than with all of the sandbox: what was tried, and what the server got. */
  readonly otherwise: Readonly<Record<string, string>>;
}

const PLATFORMS: readonly Platform[] = [
  {
    ...{ name: "newest", suite: "forky", isSystemd: (version) => version > 257 },
    ...{ lost: [], weaker: [], otherwise: {} },
  },
  {
    ...{ name: "oldest", suite: "bookworm-backports", isSystemd: (version) => version === OLDEST_SYSTEMD },
    lost: ["PrivatePIDs"],
    weaker: ["systemd before 257", "systemd before 257", "nftables cannot own a table"],
    otherwise: {
      // Without a PID namespace there is a number to ask about, and somebody to refuse a signal.
      "a handle on it": "done",
      "a signal to it": "EPERM",
      "another's network namespace": "ENOENT",
    },
  },
];
const TOO_OLD: Suite = "bookworm";

const [ALLOWED, BLOCKED] = [
  { address: "192.0.2.2", port: 80 },
  { address: "192.0.2.3", port: 81 },
];
const REACH = [ALLOWED, BLOCKED]
  .map(({ address, port }) => `curl -s -m 5 http://${address}:${port}/ || true`)
  .join("\n");
/** Quick to give up. */
const hasty = {
  sandbox: { serviceConfig: { RestartSec: "100ms", RestartMaxDelaySec: "200ms", StartLimitBurst: 3 } },
};
/** What PID 1 says of a line that it does not take as it is meant. */
const NOT_TAKEN = /unknown|failed to parse|deprecated|obsolete|no longer supported/i;

async function onPlatform({ name, suite, isSystemd, lost, weaker, otherwise }: Platform): Promise<void> {
  const why = await obstacleTo(suite);
  describe(`the ${name} systemd (Debian ${suite})`, { skip: why ?? false }, () => {
    let host: Supervised;
    let peer: Peer;
    const isolated = {
      listen: { port: 8787 },
      directory: `/srv/${name}`,
      networkIsolation: { enable: true, outboundAllowCidrs: [`${ALLOWED.address}/32`] },
      postInitScript: REACH,
    };
    const instances = { [name]: isolated, loop: scripted("loop", 7003, "exit 3", hasty) };
    const ready = () => host.until(name, "ready", ({ pid }) => pid !== null);

    before(async () => {
      host = await Supervised.up(name, undefined, suite);
      peer = await Peer.up(name);
      await connect(host.machine, peer, {
        addresses: [["192.0.2.1/24"], [ALLOWED, BLOCKED].map(({ address }) => `${address}/24`)],
      });
      for (const { port } of [ALLOWED, BLOCKED]) await peer.listen({ protocol: "tcp", port });
    });
    after(async () => {
      await host?.down();
      await peer?.down();
    });

    it("from the file to a real server that is ready; what is lost is said, and nothing else", async (t) => {
      const cursor = await host.machine.journalCursor();
      await host.write(instances);
      await host.systemctl("start", "opencode.target");
      const { relaxations } = await ready();
      const status = await host.status();
      t.diagnostic(
        `systemd ${status.systemd.version}, ${(await host.machine.exec(["nft", "--version"])).stdout.trim()}`,
      );
      assert.ok(isSystemd(status.systemd.version), `systemd ${status.systemd.version}`);
      assert.deepEqual(
        relaxations.map((line) => /: (\w+)= is weaker or missing; \w/.exec(line)?.[1] ?? line),
        lost,
      );
      assert.deepEqual(
        status.weaker.map((line) => weaker.find((start) => line.startsWith(start)) ?? line),
        weaker,
      );
      // Its setup went where it may, and was refused where it may not.
      assert.deepEqual([...new Set(peer.received.map(({ port }) => port))], [ALLOWED.port]);
      const line = await host.waitFor("the kernel's line", async () => {
        const lines = await host.machine.journal({ matches: ["_TRANSPORT=kernel"], afterCursor: cursor });
        return lines.find(({ MESSAGE }) => MESSAGE.startsWith(`opencode-${name}-blocked: `));
      });
      assert.match(line.MESSAGE, new RegExp(`DST=${BLOCKED.address} .*DPT=${BLOCKED.port} `));
      await host.waitFor("the list of what was refused", async (saw) => {
        const { stdout } = await host.cli("blocked", name);
        saw(stdout);
        return stdout.includes(`${BLOCKED.address}:${BLOCKED.port}/tcp`) && !stdout.includes(`${ALLOWED.address}:`);
      });
    });

    it("restarted, killed, stopped and started it does as it is told; one that always ends is given up", async () => {
      const { pid: first } = await ready();
      await host.systemctl("restart", mainUnit(name));
      const { pid: second } = await host.until(name, "ready", ({ pid }) => pid !== null && pid !== first);
      await host.systemctl("kill", "--signal=KILL", mainUnit(name));
      await host.until(name, "ready", ({ pid }) => pid !== null && pid !== second);
      await host.systemctl("stop", mainUnit(name));
      await host.until(name, "stopped");
      assert.equal((await host.cli("start", name, "--wait")).code, 0);
      await ready();
      const { why } = await host.until("loop", "failed");
      assert.match(why ?? "", /exit status 3/);
    });

    it("a supervisor that is killed takes up what runs, with its policy", async () => {
      const [pid] = await host.pids(name);
      const daemon = await host.show(SUPERVISOR_UNIT, "MainPID");
      await host.systemctl("kill", "--signal=KILL", SUPERVISOR_UNIT);
      await host.waitFor("another supervisor", async () => {
        const now = await host.show(SUPERVISOR_UNIT, "MainPID");
        return now !== "0" && now !== daemon;
      });
      await host.waitForUnit(SUPERVISOR_UNIT);
      const { policy } = await ready();
      assert.deepEqual(policy, { wanted: "enforce", inForce: true });
      assert.deepEqual(await host.pids(name), [pid]);
      // And its rules are not only there: a daemon-reload and a change of the file go on working.
      await host.systemctl("daemon-reload");
      await host.write({ [name]: isolated, late: light("late", 7004) });
      await host.reload();
      await host.untilAll({ late: "starting", [name]: "ready" });
      assert.deepEqual(await host.pids(name), [pid]);
    });

    it("its exposure is what it is elsewhere, and systemd takes every line that it is given", async (t) => {
      for (const [unit, most] of [
        [mainUnit(name), 13] as const,
        [setupUnit(name), 13] as const,
        [SUPERVISOR_UNIT, 30] as const,
      ]) {
        const argv = ["systemd-analyze", "security", "--no-pager", `--threshold=${most}`, unit];
        const { stdout, code } = await host.machine.exec(argv, { check: false });
        t.diagnostic(/→.*/.exec(stdout)?.[0] ?? stdout);
        assert.equal(code, 0, stdout);
      }
      const said = (await host.machine.journal({ matches: ["_PID=1"] })).map(({ MESSAGE }) => MESSAGE);
      assert.ok(said.some((line) => line.includes(mainUnit(name))));
      assert.deepEqual(
        said.filter((line) => line.includes("opencode") && NOT_TAKEN.test(line)),
        [],
      );
    });

    it("teardown leaves nothing", async () => {
      assert.equal((await host.cli("teardown")).code, 0);
      await host.waitFor("nothing left", async (saw) => {
        const left = await host.remains();
        saw(left);
        return left.length === 0;
      });
    });

    it("attempts to escape end as elsewhere, but for what is lost", async () => {
      await using scene = await EscapeScene.up(suite);
      const rows = await matrixOf(scene);
      assert.ok(rows.filter(({ verdict }) => verdict === "closed").length >= 60);
      const others = rows.filter(({ verdict }) => !verdict.startsWith("closed"));
      assert.deepEqual(Object.fromEntries(others.map(({ what, found }) => [what, found.main])), otherwise);
    });
  });
}

for (const platform of PLATFORMS) await onPlatform(platform);

const noTooOld = await obstacleTo(TOO_OLD);
describe(`a systemd that is too old (Debian ${TOO_OLD})`, { skip: noTooOld ?? false }, () => {
  it("is told of once, whatever the file says, by a supervisor that runs and can be asked", async () => {
    await using host = await Supervised.up("too-old", { a: light("a", 7001), b: light("b", 7002) }, TOO_OLD);
    const status = await host.waitFor("an answer", () => host.status());
    assert.ok(status.systemd.version < OLDEST_SYSTEMD, `systemd ${status.systemd.version}`);
    assert.deepEqual([status.instances, status.problems.length], [{}, 1]);
    assert.match(status.problems[0]?.what ?? "", /^systemd \d+ is too old/);
    const { stdout, code } = await host.cli("status");
    assert.match(stdout, /too old: .*; run systemd \d+ or later/);
    assert.equal(code, 1);
    assert.equal((await host.cli("teardown")).code, 0);
    assert.deepEqual(await host.remains(), []);
  });
});
