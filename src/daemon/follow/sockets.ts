/**
 * `sandbox.unixSockets.allow`: exact sockets, whichever inode they have. systemd binds what is there when a unit starts; a
 * server that is restarted makes its socket anew, and what is bound is then dead. What is at the path is compared with what
 * the instance sees there, when its server has started and whenever something on the way to the path changes, and bound into
 * the running unit again (BindMountUnit of org.freedesktop.systemd1(5)). Nothing of it is remembered. Decision 7.
 */
import { mainUnit, rootDir } from "../../spec/names.ts";
import { makeMountPoint } from "../host/files.ts";
import type { View } from "../instance/view.ts";
import { shared } from "../shared.ts";
import type { Follower } from "./asked.ts";
import type { Following, Places } from "./places.ts";
import { foundAt, type SocketPlace, socketPlace, wayTo } from "./way.ts";

/** A socket that nobody listens on and nobody may connect to; systemd makes it at boot, for `InaccessiblePaths=`. */
const CLOSED = "/run/systemd/inaccessible/sock";
const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 60_000;
/** A server may make its socket anew while it is being bound. */
const TRIES = 5;

/** `bound`: it was not what the instance saw · `absent`: nothing is there yet · `refused`: it is not to be trusted. */
export type SocketNews = "bound" | "absent" | "refused";

export interface SocketPorts {
  /** Bind `source` read-only at `path` in the running unit. */
  bind(unit: string, source: string, path: string): Promise<void>;
  tell(instance: string, news: SocketNews, path: string, text: string): void;
  trouble(error: unknown): void;
}

export const socketsOf = ({ wanted }: View): readonly string[] => wanted?.spec.sandbox.unixSockets.allow ?? [];

/** The server as it runs now; null when it does not. Before it is active its view of files is not made yet. */
const runOf = ({ main }: View): string | null =>
  main?.active === "active" && main.mainPid > 0 ? `${main.mainPid}@${main.since}` : null;

export class SocketWatch implements Follower {
  readonly #ports: SocketPorts;
  readonly #places: Places;
  readonly #instances = new Map<string, Instance>();

  constructor(ports: SocketPorts, places: Places) {
    this.#ports = ports;
    this.#places = places;
  }

  follow(view: View): void {
    const known = this.#instances.get(view.name);
    if (known !== undefined && known.paths.join() === socketsOf(view).join()) {
      known.take(view);
      return;
    }
    known?.close();
    this.#instances.delete(view.name);
    if (socketsOf(view).length > 0) this.#instances.set(view.name, new Instance(view, this.#ports, this.#places));
  }

  close(): void {
    for (const instance of this.#instances.values()) instance.close();
  }
}

class Instance {
  readonly paths: readonly string[];
  readonly #ports: SocketPorts;
  readonly #following: readonly Following[];
  readonly #check: () => Promise<void>;
  /** What was last told of each path. */
  readonly #told = new Map<string, string>();
  #view: View;
  #retryMs = RETRY_FIRST_MS;
  #timer: NodeJS.Timeout | null = null;

  constructor(view: View, ports: SocketPorts, places: Places) {
    this.#view = view;
    this.#ports = ports;
    this.paths = socketsOf(view);
    this.#check = shared(() => this.#compareAll());
    this.#following = this.paths.map((path) => places.follow(path, () => void this.#check()));
  }

  take(view: View): void {
    const another = runOf(view) !== runOf(this.#view);
    this.#view = view;
    if (another) void this.#check();
  }

  close(): void {
    for (const following of this.#following) following.close();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Every path, for the run there is now. Never throws. */
  async #compareAll(): Promise<void> {
    const run = runOf(this.#view);
    const pid = this.#view.main?.mainPid;
    if (run === null || pid === undefined) return;
    const errors: unknown[] = [];
    for (const path of this.paths) // one that cannot be bound keeps none of the others waiting
      await this.#compare(`/proc/${pid}/root${path}`, path).catch((error: unknown) => errors.push(error));
    if (runOf(this.#view) !== run) return; // it ended meanwhile: the next one is looked at when it has started
    if (errors.length === 0) {
      this.#retryMs = RETRY_FIRST_MS;
      return;
    }
    if (this.#retryMs === RETRY_FIRST_MS) for (const error of errors) this.#ports.trouble(error);
    this.#again();
  }

  #again(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#check(), this.#retryMs).unref();
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MOST_MS);
  }

  /** Have the instance see at `path` what is there, or nothing that can be used. `seen`: its own view of the path. */
  async #compare(seen: string, path: string): Promise<void> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const place = socketPlace(await wayTo(path));
      const there = await inodeAt(seen);
      // A dead socket does no harm, and what is not there is not bound.
      if (place.kind === "absent" || (place.kind === "refused" && there === null)) return this.#tell(path, place);
      const source = place.kind === "socket" ? path : CLOSED;
      if (there === (place.kind === "socket" ? place.id : await inodeAt(CLOSED))) return this.#tell(path, place);
      await this.#bind(path, source, there === null);
      const how = there === null ? "is there now, and bound" : "was made anew, and is bound again";
      if (place.kind === "socket") this.#news(path, "bound", `${path} ${how}`);
    }
    throw new Error(`${path} changes all the time`);
  }

  async #bind(path: string, source: string, isNew: boolean): Promise<void> {
    const { name } = this.#view;
    if (isNew) makeMountPoint(rootDir(name), path);
    const unit = mainUnit(name);
    try {
      await this.#ports.bind(unit, source, path);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${name}: ${path} is not bound anew (${why}); systemctl restart ${unit} binds it`, { cause });
    }
  }

  /** What there is to know of a path that is as it is to be; once. */
  #tell(path: string, place: SocketPlace): void {
    if (place.kind === "socket") this.#told.delete(path);
    else if (place.kind === "absent") this.#news(path, "absent", `${path} is not there; it is bound as soon as it is`);
    else this.#news(path, "refused", `sandbox.unixSockets.allow: ${place.why}; it is not bound`);
  }

  #news(path: string, news: SocketNews, text: string): void {
    if (this.#told.get(path) === text) return;
    this.#told.set(path, text);
    this.#ports.tell(this.#view.name, news, path, text);
  }
}

const inodeAt = async (path: string): Promise<string | null> => (await foundAt(path))?.id ?? null;
