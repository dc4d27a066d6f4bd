/**
 * Whether the rules are as they were written. The kernel counts the transactions of everybody (`generation()` of
 * `nftables-napi`); what it counted after our last one is kept in a file: a daemon that comes after need not write again
 * what nobody has touched meanwhile, which takes long when there are hundreds of instances.
 */
import { readFileSync, writeFileSync } from "node:fs";

export interface LastChangePorts {
  /** Number of the last transaction by anybody, 32 bits. */
  generation(): number;
  /** Where it is kept; null: nowhere, and nothing is known of earlier ones. Not to outlive a boot. */
  readonly file: string | null;
}

export class LastChange {
  readonly #ports: LastChangePorts;
  /** After our last transaction, or when we came. */
  #generation: number;
  #isOurs: boolean;
  /** From now on somebody tells of foreign changes to our table; those to others' do not matter. */
  isWatched = false;

  constructor(ports: LastChangePorts) {
    this.#ports = ports;
    this.#generation = ports.generation();
    this.#isOurs = this.#read() === this.#generation;
  }

  /** All that stands in the table was written by us, and nobody has made a transaction since. */
  isAsLeft(): boolean {
    return this.#isOurs && this.#ports.generation() === this.#generation;
  }

  /** Somebody changed our table: what is in it is known again when all of it was written anew. */
  touched(): void {
    this.#isOurs = false;
  }

  /**
   * We made a transaction; `wroteAll`: nothing stands in the table now but what it wrote. The kernel counts one for each, so
   * that one of somebody else's in between shows later as well.
   */
  made(wroteAll: boolean): void {
    this.#isOurs ||= wroteAll;
    const knows = wroteAll || this.isWatched;
    this.#generation = knows ? this.#ports.generation() : (this.#generation + 1) >>> 0;
    if (this.#isOurs && this.#ports.file !== null) writeFileSync(this.#ports.file, `${this.#generation}\n`);
  }

  #read(): number | null {
    try {
      return this.#ports.file === null ? null : Number(readFileSync(this.#ports.file, "utf8"));
    } catch {
      return null; // the first of this boot
    }
  }
}
