/** opencode.target as it was last seen: while it is active, the instances of the file are to run. */
import type { UnitRecord } from "./systemd/port.ts";

export class Target {
  /** Null before it was seen for the first time. */
  #seen: { readonly active: boolean; readonly since: number } | null = null;

  get active(): boolean {
    return this.#seen?.active === true;
  }

  /** Microseconds since the epoch at which it was started or stopped last; 0 when it never was. */
  get since(): number {
    return this.#seen?.since ?? 0;
  }

  /**
   * Take in how it is now. `news`: something else is to run than before. `ended`: it was not active since it was seen last,
   * also when it is active again by the time we look; systemd stops every instance with it, and they are not to be taken for
   * stopped by hand.
   */
  take(record: UnitRecord | undefined): { readonly news: boolean; readonly ended: boolean } {
    const before = this.#seen;
    const now = { active: record?.active === "active", since: record?.since ?? 0 };
    this.#seen = now;
    if (before === null) return { news: now.active, ended: false };
    const again = now.active && before.active && before.since !== 0 && now.since !== before.since;
    return { news: again || now.active !== before.active, ended: again || (now.active && !before.active) };
  }
}
