/** Cables between machines and peers. A node is anything with a network namespace of its own. */
import { run } from "./run.ts";

export interface NetworkNode {
  readonly name: string;
  /** Host pid of a process in its network namespace. */
  readonly pid: number;
}

export interface Link {
  /** Addresses of the two ends with prefix length, v4 and v6 alike: `192.0.2.1/24`, `2001:db8::1/64`. */
  readonly addresses: readonly [a: readonly string[], b: readonly string[]];
  /** Names of the two interfaces; default the next free of `eth0`, `eth1`, … at either end. */
  readonly interfaces?: readonly [a: string, b: string];
}

/** Runs a program of the host in a node's network namespace. */
export function inNetwork(node: NetworkNode, argv: readonly string[]): string[] {
  return ["nsenter", "-t", String(node.pid), "-n", "--", ...argv];
}

/** Joins two nodes by a veth pair, up and addressed when it resolves. It goes with whichever node goes first. */
export async function connect(a: NetworkNode, b: NetworkNode, link: Link): Promise<void> {
  const [nameA, nameB] = link.interfaces ?? [await freeInterface(a), await freeInterface(b)];
  const end = (name: string, node: NetworkNode): string[] => ["name", name, "netns", String(node.pid)];
  await run(["ip", "link", "add", ...end(nameA, a), "type", "veth", "peer", ...end(nameB, b)]);
  await configure(a, nameA, link.addresses[0]);
  await configure(b, nameB, link.addresses[1]);
}

async function freeInterface(node: NetworkNode): Promise<string> {
  const { stdout } = await run(inNetwork(node, ["ip", "-brief", "link"]));
  const taken = new Set(stdout.split("\n").map((line) => line.split(/[@ ]/)[0]));
  for (let n = 0; ; n++) if (!taken.has(`eth${n}`)) return `eth${n}`;
}

/** `nodad`: nobody else is on the cable, and an address that is still being checked cannot be used. */
async function configure(node: NetworkNode, name: string, addresses: readonly string[]): Promise<void> {
  const add = addresses.map((each) => `address add ${each} dev ${name}${each.includes(":") ? " nodad" : ""}`);
  const batch = [...add, `link set ${name} up`, "link set lo up"];
  await run(inNetwork(node, ["ip", "-batch", "-"]), { input: `${batch.join("\n")}\n` });
}
