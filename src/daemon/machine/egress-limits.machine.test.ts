/** Where the second layer, the units' own address filter, comes to its limits, under the real daemon. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { connect } from "../../../testbed/network.ts";
import { Peer } from "../../../testbed/peer.ts";
import { LISTENER, PROBE_SERVER } from "../netfilter/fixtures.ts";
import { Supervised, scripted } from "./testing.ts";

const PORT = 7001;
/** Of the agent's own making: no option names it. */
const OWN = 8123;
/** None of them inside another, none next to another. */
const MANY = Array.from({ length: 9_999 }, (_, index) => `10.${index >> 8}.${index & 255}.0/25`);
const ALLOWED = "192.0.2.2/32";

describe("the address filter of an isolated instance", () => {
  let host: Supervised;
  let peer: Peer;
  const write = (...outboundAllowCidrs: string[]) => {
    const script = `node /srv/a/own.mjs & exec node /srv/a/probe.mjs ${PORT}`;
    return host.write({ a: scripted("a", PORT, script, { networkIsolation: { enable: true, outboundAllowCidrs } }) });
  };
  /** Which of these instance `a` reaches, from within its unit. */
  const reaches = async (...targets: string[]): Promise<boolean[]> => {
    const url = `http://127.0.0.1:${PORT}/${encodeURIComponent(JSON.stringify(targets))}`;
    const { stdout } = await host.machine.exec(["curl", "--silent", "--show-error", url]);
    return Value.Parse(Type.Array(Type.String()), JSON.parse(stdout)).map((said) => said === "ok");
  };

  before(async () => {
    host = await Supervised.up("limits");
    peer = await Peer.up("limits");
    await connect(host.machine, peer, { addresses: [["192.0.2.1/24"], ["192.0.2.2/24", "192.0.2.3/24"]] });
    await peer.listen({ protocol: "tcp", port: 80 });
    await write(ALLOWED);
    await host.machine.writeFile("/srv/a/probe.mjs", PROBE_SERVER);
    await host.machine.writeFile("/srv/a/own.mjs", LISTENER.replace("process.argv[1]", String(OWN)));
    await host.systemctl("start", "opencode.target");
    await host.until("a", "ready");
  });
  after(async () => {
    await host?.down();
    await peer?.down();
  });

  it("lets it reach its own listeners by loopback, not by the host's other addresses", async () => {
    await host.waitFor("its own listener", async () => (await reaches(`tcp 127.0.0.1 ${OWN}`))[0]);
    assert.deepEqual(await reaches(`tcp 192.0.2.1 ${OWN}`), [false]);
  });

  it("takes 10,000 networks live, beside the table, and gives them up again", async () => {
    const [before] = await host.pids("a");
    const targets = ["tcp 192.0.2.2 80", "tcp 192.0.2.3 80"];
    const filter = async () => (await host.show("opencode-a.service", "IPAddressAllow")).split(" ");
    await write(ALLOWED, ...MANY);
    await host.reload();
    const allowed = new Set(await filter());
    assert.deepEqual(
      [ALLOWED, ...MANY].filter((network) => !allowed.has(network)),
      [],
    );
    assert.equal((await host.instances()).get("a")?.policy.inForce, true);
    assert.deepEqual(await reaches(...targets), [true, false]);
    await write("192.0.2.3/32");
    await host.reload();
    assert.ok((await filter()).length < 10);
    assert.deepEqual(await reaches(...targets), [false, true]);
    assert.deepEqual(await host.pids("a"), [before]);
  });
});
