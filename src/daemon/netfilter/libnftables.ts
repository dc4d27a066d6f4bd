/** The real {@link Netfilter}: libnftables for changes, netlink dumps for reading back. Every call is synchronous inside. */
import {
  elements,
  generation,
  Nft,
  rules,
  type Change as Touch,
  tableInfo,
  type Watch,
  watchLog,
  watchTable,
} from "nftables-napi";
import { type Change, type InstalledMap, transaction } from "../../netpolicy/change.ts";
import { cgroupOf, FAMILY, type Gate, LOG_GROUP, namesOf, TABLE, TABLE_NAME } from "../../netpolicy/names.ts";
import { LAYOUT } from "../../netpolicy/policy.ts";
import { type ListedRule, listedGate, listedIds, listedPolicies } from "../../netpolicy/readback.ts";
import {
  canTake,
  deleteText,
  type Features,
  type GateIds,
  gateComment,
  gateLayout,
  isTaken,
  SHARED_CHAINS,
  tableText,
  takeText,
} from "../../netpolicy/table.ts";
import { cgroupId } from "../cgroup.ts";
import { plain } from "../text.ts";
import { readCanaries, readDestinations, readRefused } from "./counts.ts";
import { LastChange } from "./last-change.ts";
import {
  type Destination,
  type Netfilter,
  NetfilterError,
  type NetfilterErrorCode,
  type NetfilterListener,
  type Wanted,
} from "./port.ts";

const PROBE_NAME = `${TABLE_NAME}_probe`;
const PROBE = `${FAMILY} ${PROBE_NAME}`;
/** The least that the rules are made of, tried once in a table of its own. */
const LEAST = [
  `add set ${PROBE} s { type classid . cgroupsv2; }`,
  `add chain ${PROBE} c { type filter hook prerouting priority -310; }`,
  `add rule ${PROBE} c meta priority & 0x1 . socket cgroupv2 level 1 @s ct direction reply ct count over 9 fib daddr type local reject`,
  "",
].join("\n");
/** What is used of {@link Nft}; tests put another in its place. */
type NftContext = Pick<Nft, "run" | "close">;
/** Up to here chains are read one by one (0.3 ms each); above, the whole table (20–40 ms at 500 instances). */
const ONE_BY_ONE = 24;

/** The cgroups that a gate's rules name; null without the gate's own. */
function idsOf({ cgroup, supervisor }: Gate): GateIds | null {
  const gate = cgroupId(cgroup);
  return gate === null ? null : { gate, supervisor: supervisor === null ? 0n : (cgroupId(supervisor.cgroup) ?? 0n) };
}

/** A process that may not ask knows of no transaction: one that is like no other. */
function generationOrNone(): number {
  try {
    return generation();
  } catch {
    return Number.NaN;
  }
}

const rulesOf = (chains: readonly string[]): ListedRule[] =>
  chains.flatMap((chain) => rules(FAMILY, TABLE_NAME, chain));

interface Adopted {
  readonly gate: Gate;
  readonly ids: GateIds;
  installed: InstalledMap;
  /** The cgroup id that each installed entry is for. */
  entries: ReadonlyMap<string, bigint>;
}

/** Reads the kernel's listing again only when a transaction of anybody's has been since. */
function perGeneration<T>(read: () => T): () => T {
  let known: { readonly generation: number; readonly value: T } | null = null;
  return () => {
    const now = generation();
    if (known?.generation !== now) known = { generation: now, value: read() };
    return known.value;
  };
}

export class LibnftablesNetfilter implements Netfilter {
  readonly features: Features;
  readonly #nft: NftContext;
  #adopted: Adopted | null = null;
  /** The whole table's rules, and the cgroups that lead to each instance. */
  readonly #rules = perGeneration(() => rules(FAMILY, TABLE_NAME));
  readonly #ids = perGeneration(() => listedIds(elements(FAMILY, TABLE_NAME, "instances")));
  /** Our own netlink port: who else changes the table is somebody else. Null when it cannot be told. */
  readonly #port: number | null;
  readonly #watches: Watch[] = [];

  /** Why no table of ours can be had here: what nft said of the least of it. */
  readonly #lacking: string | null;

  readonly #last: LastChange;

  private constructor(nft: NftContext, file: string | null) {
    this.#nft = nft;
    this.#last = new LastChange({ generation: generationOrNone, file });
    const run = (text: string): string => {
      const { error } = nft.run(text);
      if (error === "") this.#last.made(false);
      return error;
    };
    // Made and deleted in one transaction: the kernel checks all of it, and there is nothing to wait for afterwards.
    const said = (flags: string, more = "") => run(`add table ${PROBE}${flags}\n${more}delete table ${PROBE}\n`);
    this.#lacking = said("", LEAST) || null;
    this.features = {
      persist: said(" { flags owner,persist; }") === "",
      tells: said("", `add chain ${PROBE} c\nadd rule ${PROBE} c log group ${LOG_GROUP}\n`) === "",
    };
    const hasOwner = run(`add table ${PROBE} { flags owner; }`) === "";
    this.#port = hasOwner ? (tableInfo(FAMILY, PROBE_NAME)?.owner ?? null) : null;
    if (hasOwner) run(`delete table ${PROBE}`);
  }

  /**
   * Opens a context of its own; the table belongs to it until {@link close} or the end of the process. `file`: see
   * {@link LastChange}.
   */
  static async open(
    make: () => NftContext = () => new Nft(),
    file: string | null = null,
  ): Promise<LibnftablesNetfilter> {
    try {
      return new LibnftablesNetfilter(make(), file);
    } catch (error) {
      throw new NetfilterError("not-permitted", error instanceof Error ? error.message : String(error));
    }
  }

  async adopt(gate: Gate, { remake = false } = {}): Promise<ReadonlyMap<string, string>> {
    if (this.#lacking !== null) throw failure(this.#lacking, "unsupported");
    const ids = idsOf(gate);
    if (ids === null) throw new NetfilterError("gate-missing", `there is no cgroup ${gate.cgroup}`);
    this.#adopted = null;
    this.#run(this.#adoption(gate, ids, remake));
    this.#adopted = { gate, ids, ...this.#listed() };
    return new Map([...this.#adopted.installed].map(([name, { hash }]) => [name, hash]));
  }

  #listed(): Pick<Adopted, "installed" | "entries"> {
    const installed = listedPolicies(this.#rules());
    const listed = this.#ids();
    const entries = [...installed.keys()].flatMap((name) =>
      [...(listed.get(name) ?? [])].map((id) => [name, id] as const),
    );
    return { installed, entries: new Map(entries) };
  }

  /**
   * Keeps a table of this layout; any other is replaced in the same transaction. What all instances share is made anew
   * unless nobody can have touched it: while the table had no owner, a rule may have been added that lets everything pass.
   */
  #adoption(gate: Gate, ids: GateIds, remake: boolean): string {
    const found = tableInfo(FAMILY, TABLE_NAME);
    if (found === null) return tableText(this.features, gate, ids);
    const comment = listedGate(rulesOf(SHARED_CHAINS));
    if (gateLayout(comment) !== LAYOUT || !canTake(this.features, found.flags)) {
      return deleteText() + tableText(this.features, gate, ids);
    }
    return comment === gateComment(gate, ids) && this.isAsLeft() && !remake
      ? takeText(this.features)
      : tableText(this.features, gate, ids);
  }

  async commit(change: Change): Promise<void> {
    if (change.put.length === 0 && change.remove.length === 0) return;
    const adopted = this.#current();
    const { gate } = adopted;
    const ids = new Map<string, bigint | null>();
    const idOf = (name: string): bigint | null => {
      const id = ids.get(name) ?? cgroupId(cgroupOf(gate, name));
      ids.set(name, id);
      return id;
    };
    const missing = change.put.find(({ name }) => idOf(name) === null);
    if (missing !== undefined) throw sliceMissing(gate, missing.name);
    const { text, installed } = transaction(gate, adopted.installed, change, {
      exists: (name) => idOf(name) !== null,
      stale: (name) => adopted.entries.has(name) && adopted.entries.get(name) !== idOf(name),
    });
    const rest = [...adopted.installed.keys()].filter((name) => !change.remove.includes(name));
    const writesAll = () => rest.every((name) => change.put.some((policy) => policy.name === name));
    try {
      if (text !== "") this.#run(text, { explain: explainer(gate, change), writesAll });
    } catch (error) {
      // What was said to have failed may have been done: the next change is made from what there is.
      Object.assign(adopted, this.#isOurs() ? this.#listed() : {});
      throw error;
    }
    adopted.installed = installed;
    const known = [...installed.keys()].map((name) => [name, ids.get(name) ?? adopted.entries.get(name)] as const);
    adopted.entries = new Map(known.flatMap(([name, id]) => (id === undefined ? [] : [[name, id] as const])));
  }

  async inForce(wanted: readonly Wanted[]): Promise<ReadonlyMap<string, boolean>> {
    const none = new Map(wanted.map(({ name }) => [name, false]));
    const adopted = this.#adopted;
    if (wanted.length === 0 || adopted === null || !this.#isOurs()) return none;
    const listed = this.#rulesFor(wanted);
    const gateIds = idsOf(adopted.gate);
    if (gateIds === null || listedGate(listed) !== gateComment(adopted.gate, gateIds)) return none;
    const policies = listedPolicies(listed);
    const ids = this.#ids();
    return new Map(
      wanted.map(({ name, hash, cgroupId: id }) => [
        name,
        policies.get(name)?.hash === hash && ids.get(name)?.has(id) === true,
      ]),
    );
  }

  entryOf(name: string): bigint | null {
    return this.#adopted?.entries.get(name) ?? null;
  }

  isAsLeft(): boolean {
    return this.#last.isAsLeft();
  }

  async refused(): Promise<ReadonlyMap<string, bigint>> {
    return readRefused();
  }

  async destinations(name: string): Promise<readonly Destination[]> {
    return readDestinations(name);
  }

  async canaries(): Promise<ReadonlyMap<string, bigint>> {
    const arrived = readCanaries();
    const installed = [...(this.#adopted?.installed ?? [])];
    return new Map(installed.map(([name, { slot }]) => [name, arrived.get(slot) ?? 0n]));
  }

  listen(listener: NetfilterListener): void {
    const heard = (change: Touch | null): void => {
      if (change !== null && change.port === this.#port) return;
      this.#last.touched();
      listener.touched(change === null ? null : `${plain(change.program, 32)} (pid ${change.pid})`);
    };
    if (this.features.tells) this.#watches.push(watchLog(LOG_GROUP, () => listener.refused()));
    this.#watches.push(watchTable(FAMILY, TABLE_NAME, heard));
    this.#last.isWatched = true;
  }

  async destroy(): Promise<void> {
    this.#adopted = null;
    if (tableInfo(FAMILY, TABLE_NAME) !== null) this.#run(deleteText());
  }

  close(): void {
    this.#adopted = null;
    for (const watch of this.#watches) watch.close();
    this.#nft.close();
  }

  /** Whether the table is there, and as adopting left it. */
  #isOurs(): boolean {
    const found = tableInfo(FAMILY, TABLE_NAME);
    return found !== null && isTaken(this.features, found.flags);
  }

  #current(): Adopted {
    const adopted = this.#adopted;
    if (adopted === null || !this.#isOurs()) throw new NetfilterError("not-adopted", `table ${TABLE} is not ours`);
    const { gate, ids } = adopted;
    const now = idsOf(gate);
    if (now === null) throw new NetfilterError("gate-missing", `there is no cgroup ${gate.cgroup}`);
    if (now.gate !== ids.gate)
      throw new NetfilterError("not-adopted", `${gate.cgroup} was made anew: the gate is for the old one`);
    return adopted;
  }

  #rulesFor(wanted: readonly Wanted[]): readonly ListedRule[] {
    if (wanted.length > ONE_BY_ONE) return this.#rules();
    return rulesOf([...SHARED_CHAINS, ...wanted.map(({ name }) => namesOf(name).out)]);
  }

  #run(text: string, { explain = noCause, writesAll = () => false }: RunOptions = {}): void {
    const { rc, error } = this.#nft.run(text);
    if (rc === 0) {
      this.#last.made(writesAll());
      return;
    }
    const cause = explain();
    if (cause instanceof NetfilterError) throw cause;
    throw failure(error, "refused", cause);
  }
}

interface RunOptions {
  /** What a refusal is about. */
  readonly explain?: () => NetfilterError | string | null;
  /** Whether nothing stands in the table afterwards but what this wrote. */
  readonly writesAll?: () => boolean;
}
const noCause = (): null => null;

/** What nft said as an error; what follows its first line points into the first line of the commands, whichever was refused. */
function failure(error: string, otherwise: NetfilterErrorCode, instance: string | null = null): NetfilterError {
  const [message = ""] = error.split("\n");
  return new NetfilterError(codeOf(message, otherwise), `nft said: ${message.replace(/^Error: /, "")}`, instance);
}

/** EPERM is about the table when it has an owner, and about us when it has none. */
function codeOf(message: string, otherwise: NetfilterErrorCode): NetfilterErrorCode {
  if (!message.includes("Operation not permitted")) return otherwise;
  return isOwned() ? "owned" : "not-permitted";
}

function isOwned(): boolean {
  try {
    return (tableInfo(FAMILY, TABLE_NAME)?.owner ?? null) !== null;
  } catch {
    return false; // we may not even ask
  }
}

const sliceMissing = (gate: Gate, name: string): NetfilterError =>
  new NetfilterError("slice-missing", `its slice has no cgroup ${cgroupOf(gate, name)}`, name);

/** Which instance a refused change is about: one whose slice went meanwhile, or the only one there is. */
const explainer =
  (gate: Gate, { put, remove }: Change) =>
  () => {
    const gone = put.find(({ name }) => cgroupId(cgroupOf(gate, name)) === null);
    if (gone !== undefined) return sliceMissing(gate, gone.name);
    const [only = null, ...others] = [...put.map(({ name }) => name), ...remove];
    return others.length === 0 ? only : null;
  };
