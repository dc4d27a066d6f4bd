/**
 * `restartOnSecretChange`: who asks for it is started anew when the content of its files is another than it was started with,
 * also when that happened while no supervisor was there. Touched, replaced by the same, or missing for a moment, nothing happens.
 */
import { changedSecrets, secretFiles } from "../host/secrets.ts";
import { isUp, type View } from "../instance/view.ts";
import { settled } from "../later.ts";
import type { Follower } from "./asked.ts";
import type { Following, Places } from "./places.ts";

/** Files are left alone for so long before they are read: they may be written in pieces, and several together. */
const SETTLE_MS = 500;

export interface SecretPorts {
  readonly report: (name: string, change: Pick<View, "rotated">) => void;
  /** It is going to be restarted for these fields. */
  readonly tell: (name: string, fields: readonly string[]) => void;
  readonly trouble: (error: unknown) => void;
}

interface Followed {
  view: View;
  readonly paths: readonly string[];
  readonly following: readonly Following[];
}

const pathsOf = ({ wanted }: View): string[] =>
  wanted?.spec.restartOnSecretChange === true ? secretFiles(wanted.spec).map(([, path]) => path) : [];

export class SecretWatch implements Follower {
  readonly #ports: SecretPorts;
  readonly #places: Places;
  readonly #followed = new Map<string, Followed>();

  constructor(ports: SecretPorts, places: Places) {
    this.#ports = ports;
    this.#places = places;
  }

  follow(view: View): void {
    const known = this.#followed.get(view.name);
    const paths = pathsOf(view);
    if (known !== undefined && known.paths.join() === paths.join()) {
      known.view = view;
      return;
    }
    for (const following of known?.following ?? []) following.close();
    this.#followed.delete(view.name);
    if (paths.length === 0) return;
    const check = settled(() => void this.#check(view.name).catch(this.#ports.trouble), SETTLE_MS);
    this.#followed.set(view.name, { view, paths, following: paths.map((path) => this.#places.follow(path, check)) });
  }

  close(): void {
    for (const { following } of this.#followed.values()) for (const one of following) one.close();
    this.#followed.clear();
  }

  async #check(name: string): Promise<void> {
    const spec = this.#followed.get(name)?.view.wanted?.spec;
    if (spec === undefined) return;
    const rotated = await changedSecrets(spec);
    // Nothing is waited for from here on: a start that is under way has written down what it took.
    const view = this.#followed.get(name)?.view;
    if (view === undefined || view.rotated.join() === rotated.join()) return;
    if (rotated.length > 0 && isUp(view.main)) this.#ports.tell(name, rotated);
    this.#ports.report(name, { rotated });
  }
}
