import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "../../../testbed/wait.ts";
import { mainUnit } from "../../spec/names.ts";
import { up } from "../instance/testing.ts";
import { FakeNetfilter } from "../netfilter/fake.ts";
import { FakeSystemd } from "../systemd/fake.ts";
import { Observations } from "./observations.ts";

/** Counts how often canaries are counted. */
class Counting extends FakeNetfilter {
  counts = 0;
  override async canaries(): Promise<ReadonlyMap<string, bigint>> {
    this.counts++;
    return super.canaries();
  }
}

function scene() {
  const [netfilter, systemd, unobserved] = [new Counting(), new FakeSystemd(), [] as string[]];
  const observations = new Observations({ netfilter, systemd }, (name) => void unobserved.push(name));
  return { netfilter, systemd, unobserved, observations };
}

test("of a server that starts after its policy was put, the canary that its init sends by itself is enough", async () => {
  const { netfilter, systemd, unobserved, observations } = scene();
  netfilter.arrived.set("a", 3n); // of whoever had its number before
  observations.again("a");
  await waitFor("a first count", () => netfilter.counts === 1);
  netfilter.arrived.set("a", 4n);
  systemd.set(up(mainUnit("a")));
  observations.started("a");
  await waitFor("it is observed", () => observations.at("a") !== null);
  assert.deepEqual([systemd.calls, unobserved], [[], []]);
});

test("what came before the policy was put anew says nothing of it: the server is asked for another", async () => {
  const { netfilter, systemd, observations } = scene();
  observations.again("a");
  await waitFor("a first count", () => netfilter.counts === 1);
  netfilter.arrived.set("a", 1n);
  systemd.set(up(mainUnit("a")));
  observations.again("a");
  await waitFor("it is asked", () => systemd.calls.length > 0);
  assert.equal(observations.at("a"), null);
  netfilter.arrived.set("a", 2n);
  await waitFor("it is observed", () => observations.at("a") !== null);
});
