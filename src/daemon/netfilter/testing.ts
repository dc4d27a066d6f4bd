/**
 * What the machine tests of the rules play in: a booted machine with slices, listeners and the adapter in it, and a peer with
 * allowed and other addresses. Instances: `a`, isolated; `b`, isolated and opened to one host; `open`, without isolation;
 * and `unregistered`, a slice that no policy knows.
 */
import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { ENVIRONMENT } from "../../../testbed/guest.ts";
import { INSTALLED, NODE_DIR } from "../../../testbed/host.ts";
import { Machine } from "../../../testbed/machine.ts";
import { connect } from "../../../testbed/network.ts";
import { Peer } from "../../../testbed/peer.ts";
import type { RunResult } from "../../../testbed/run.ts";
import { cgroupOf, gateAt, TABLE } from "../../netpolicy/names.ts";
import { type Policy, policyHash } from "../../netpolicy/policy.ts";
import { isolated, LOGGING, open } from "../../netpolicy/testing.ts";
import { sliceUnit } from "../../spec/names.ts";
import { DRIVER, LISTENER, PROBE } from "./fixtures.ts";

/** Node, in the machine. */
export const NODE = `${INSTALLED}/${NODE_DIR}/bin/node`;
/** Stands for the supervisor: a service with a listener on 7000. */
const KEPT_UNIT = "kept.service";
export const gate = gateAt("opencode.slice", `system.slice/${KEPT_UNIT}`);
const FREELY = { ...LOGGING, ratePerMinute: 600, burst: 100 };

type Over = Parameters<typeof isolated>[1];
export const policy = (over: Over = {}): Policy =>
  isolated("a", {
    allow: { v4: ["192.0.2.2"], v6: ["2001:db8::2"] },
    dns: { v4: ["192.0.2.53"], v6: [] },
    listen: { address: "127.0.0.1", ports: [4000], from: null },
    loopbackPorts: [9000],
    logging: FREELY,
    ...over,
  });

/** Opened to one host beyond this one, on IPv4; its other listener, 4002, is its own business. */
export const b = (over: Over = {}): Policy =>
  isolated("b", {
    listen: { address: "0.0.0.0", ports: [8002, 8003], from: { v4: ["192.0.2.2"], v6: [] } },
    logging: FREELY,
    ...over,
  });

export const all = (result: string, ...targets: string[]): Record<string, string> =>
  Object.fromEntries(targets.map((target) => [target, result]));

/** What refused connects end with: a reset on loopback, an ICMP error beyond. */
export const refusals = (...targets: string[]): Record<string, string> =>
  Object.fromEntries(
    targets.map((target) => {
      const address = target.split(" ")[1] ?? "";
      const beyond = address.includes(":") && !address.startsWith("::ffff:") ? "EACCES" : "EHOSTUNREACH";
      return [target, ["127.0.0.1", "::1"].includes(address) ? "ECONNREFUSED" : beyond];
    }),
  );

/** What becomes of connections from the peer, while the policies are as {@link Scene.up} leaves them. */
export const FROM_PEER = {
  ...all("ok", "tcp 192.0.2.1 8002 192.0.2.2"),
  ...all(
    "ECONNREFUSED",
    "tcp 192.0.2.1 8002 192.0.2.3",
    "tcp 192.0.2.1 4002 192.0.2.2",
    "tcp 192.0.2.1 4000 192.0.2.2",
    "udp 192.0.2.1 8002 192.0.2.2",
    "tcp 2001:db8::1 8002 2001:db8::2",
  ),
};

/** A command that runs the text of an ES module in the machine. */
export const script = (text: string, ...args: string[]): string[] => [
  NODE,
  "--input-type=module",
  "--eval",
  text,
  "--",
  ...args,
];

/** A command in an instance's slice. */
export const inSlice = (name: string, argv: readonly string[]): string[] => {
  const options = ["--quiet", "--pipe", "--wait", "--collect", `--slice=${sliceUnit(name)}`];
  return ["systemd-run", ...options, "--", ...argv];
};

/** A program in the machine, told and heard a line at a time. */
export class Program {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  constructor(command: readonly string[]) {
    const [file = "", ...args] = command;
    this.child = spawn(file, args, { env: ENVIRONMENT, stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
  }
  /** The next line; rejects when none comes. */
  async line(): Promise<string> {
    const late = delay(20_000, null, { ref: false });
    const next = await Promise.race([this.#lines.next(), late]);
    if (next === null || next.done === true) throw new Error(next === null ? "no line came" : "the program has ended");
    return next.value;
  }
}

export class Scene {
  readonly machine: Machine;
  readonly peer: Peer;
  readonly #programs: Program[] = [];
  #driver: { readonly program: Program; readonly pid: string } | null = null;

  private constructor(machine: Machine, peer: Peer) {
    this.machine = machine;
    this.peer = peer;
  }

  static async up(name: string): Promise<Scene> {
    const scene = new Scene(await Machine.up({ name }), await Peer.up(name));
    try {
      await scene.#setUp();
      return scene;
    } catch (error) {
      await scene.down();
      throw error;
    }
  }

  async #setUp(): Promise<void> {
    const { machine, peer } = this;
    await connect(machine, peer, {
      addresses: [
        ["192.0.2.1/24", "2001:db8::1/64"],
        ["192.0.2.2/24", "192.0.2.3/24", "192.0.2.53/24", "2001:db8::2/64", "2001:db8::3/64"],
      ],
    });
    // UDP answers come from the address that was asked only when the listener is bound to it.
    for (const address of ["192.0.2.2", "192.0.2.3", "2001:db8::2", "2001:db8::3"]) {
      for (const protocol of ["tcp", "udp"] as const) await peer.listen({ protocol, port: 80, address });
    }
    for (const protocol of ["tcp", "udp"] as const) await peer.listen({ protocol, port: 53, address: "192.0.2.53" });
    for (const name of ["a", "b", "open", "unregistered"]) await machine.exec(["systemctl", "start", sliceUnit(name)]);
    await machine.exec(["systemd-run", "--quiet", `--unit=${KEPT_UNIT}`, "--", ...script(LISTENER, "7000")]);
    await this.startDriver();
    assert.deepEqual(await this.ask("adopt", gate), []);
    await this.put(policy(), b(), open("open"));
    for (const port of [4000, 4001]) await this.listen("a", port);
    for (const port of [4002, 8002]) await this.listen("b", port);
    for (const port of [5432, 9000]) await this.listen(null, port);
  }

  async down(): Promise<void> {
    await this.machine.exec(["systemctl", "stop", gate.cgroup], { check: false });
    for (const { child } of this.#programs) child.kill("SIGKILL");
    await this.machine.down();
    await this.peer.down();
  }

  /** Starts a program in the machine; it ends with the scene. */
  program(argv: readonly string[]): Program {
    const program = new Program(this.machine.enter(argv));
    this.#programs.push(program);
    return program;
  }

  /** Starts the adapter in the machine. */
  async startDriver(): Promise<void> {
    const program = this.program(script(DRIVER));
    this.#driver = { program, pid: await program.line() };
  }

  /** Ends it as a crash would. */
  async killDriver(): Promise<void> {
    if (this.#driver === null) throw new Error("the adapter was not started");
    const { program, pid } = this.#driver;
    const ended = once(program.child, "close");
    await this.machine.exec(["kill", "-KILL", pid]);
    await ended;
  }

  /** Has the adapter do something; what it answers. */
  async ask(method: string, argument?: unknown): Promise<unknown> {
    if (this.#driver === null) throw new Error("the adapter was not started");
    this.#driver.program.child.stdin.write(`${JSON.stringify([method, argument])}\n`);
    return JSON.parse(await this.#driver.program.line());
  }

  async put(...policies: Policy[]): Promise<void> {
    assert.equal(await this.ask("commit", { put: policies, remove: [] }), null);
  }

  async inForce(...policies: Policy[]): Promise<unknown> {
    const idOf = async (name: string) =>
      (await this.machine.exec(["stat", "--format=%i", `/sys/fs/cgroup/${cgroupOf(gate, name)}`])).stdout.trim();
    const wanted = policies.map(async (each) => ({
      name: each.name,
      hash: policyHash(each),
      cgroupId: await idOf(each.name),
    }));
    return await this.ask("inForce", await Promise.all(wanted));
  }

  /** What becomes of connections, from a slice or (null) from elsewhere on the host. */
  async probe(from: string | null, ...targets: string[]): Promise<Record<string, string>> {
    const argv = script(PROBE, ...targets);
    const { stdout } = await this.machine.exec(from === null ? argv : inSlice(from, argv));
    const results = stdout.trim().split("\n");
    assert.equal(results.length, targets.length, stdout);
    return Object.fromEntries(targets.map((target, index) => [target, results[index] ?? ""]));
  }

  /** What becomes of connections from the peer, each from an address of its own. */
  async fromPeer(...targets: string[]): Promise<Record<string, string>> {
    const { stdout } = await this.peer.exec([process.execPath, ...script(PROBE, ...targets).slice(1)]);
    return Object.fromEntries(targets.map((target, index) => [target, stdout.split("\n")[index] ?? ""]));
  }

  async listen(from: string | null, port: number): Promise<Program> {
    const argv = script(LISTENER, String(port));
    const listener = this.program(from === null ? argv : inSlice(from, argv));
    assert.equal(await listener.line(), "listening");
    return listener;
  }

  /** Loads rules of somebody else's for as long as `work` takes: a table `inet other`. */
  async under(chains: string, work: () => Promise<void>): Promise<void> {
    await this.machine.exec(["nft", "-f", "-"], { input: `table inet other {\n${chains}\n}\n` });
    await work();
    await this.machine.exec(["nft", "delete", "table", "inet", "other"]);
  }

  async counter(name: string): Promise<number> {
    const { stdout } = await this.machine.exec(["nft", "list", "counter", ...TABLE.split(" "), name]);
    return Number(/packets (\d+)/.exec(stdout)?.[1]);
  }

  /** Destinations in an instance's record: `address . protocol number . port`. */
  async recorded(name: string): Promise<string[]> {
    const { stdout } = await this.machine.exec(["nft", "-n", "list", "set", ...TABLE.split(" "), name]);
    return [...stdout.matchAll(/(\S+ \. \d+ \. \d+) counter packets [1-9]/g)].map(([, found = ""]) => found);
  }

  /** Counts packets that come to the peer and match this nft expression, from now on; a table for each name. */
  async countAtPeer(name: string, match: string): Promise<() => Promise<number>> {
    const chain = "chain in { type filter hook prerouting priority -400; ";
    const input = `table inet ${name} {\ncounter seen { }\n${chain}${match} counter name seen; }\n}\n`;
    await this.peer.exec(["nft", "-f", "-"], { input });
    return async () => {
      const { stdout } = await this.peer.exec(["nft", "list", "counter", "inet", name, "seen"]);
      return Number(/packets (\d+)/.exec(stdout)?.[1]);
    };
  }

  /** Runs a command in an instance's slice, whatever its exit status. */
  async inside(name: string, argv: readonly string[]): Promise<RunResult> {
    return await this.machine.exec(inSlice(name, argv), { check: false });
  }
}
