/**
 * What the journal is told of what was refused: each new destination once, as it is met, and summaries after that. Bounded,
 * since an agent chooses how many destinations there are.
 */
import { within } from "../../netpolicy/cidr.ts";
import type { Policy } from "../../netpolicy/policy.ts";
import { allowance, destinationText, isAllowed, nixLine } from "../../netpolicy/suggest.ts";
import { type Growth, keyOf, type Reading, type Refused } from "./ledger.ts";

/** One line of the journal. */
export interface Report {
  readonly instance: string;
  /** Null for a line about several. */
  readonly refused: Refused | null;
  /** Packets that this line is about. */
  readonly packets: number;
  readonly text: string;
}

/** Destinations that a summary names; the rest is one line. */
const NAMED_MOST = 10;
const MINUTE_MS = 60_000;

interface Pending {
  readonly byDestination: Map<string, Growth>;
  further: number;
  /** When the next summary is due. */
  due: number;
  tokens: number;
  filled: number;
}

export class Reporter {
  readonly #pending = new Map<string, Pending>();
  readonly #own: () => ReadonlySet<string>;

  /** `own`: the addresses of this host. */
  constructor(own: () => ReadonlySet<string>) {
    this.#own = own;
  }

  /** What to say at once of a reading; the rest waits for the summary. `isFirst`: all of it. */
  take(policy: Policy, { grown, further }: Reading, now: number, isFirst = false): Report[] {
    const isMuted = mutedBy(policy);
    const pending = this.#of(policy, now);
    refill(pending, policy, now);
    const reports: Report[] = [];
    for (const growth of grown) {
      if (isMuted(growth.refused.address)) continue;
      if (growth.isNew && !isFirst && pending.tokens >= 1) {
        pending.tokens -= 1;
        reports.push(this.#line(policy, growth));
      } else add(pending, growth);
    }
    pending.further += further;
    return reports;
  }

  /** When {@link due} has something to say; null for never. */
  get next(): number | null {
    const times = [...this.#pending.values()].filter(hasNews).map(({ due }) => due);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** The summary of an instance, once it is time. */
  due(policy: Policy, now: number): Report[] {
    const pending = this.#pending.get(policy.name);
    if (pending === undefined || pending.due > now) return [];
    pending.due = now + policy.logging.summarySeconds * 1000;
    const most = [...pending.byDestination.values()].sort((a, b) => b.by - a.by);
    const rest = most.slice(NAMED_MOST);
    const further = pending.further + rest.reduce((sum, { by }) => sum + by, 0);
    pending.byDestination.clear();
    pending.further = 0;
    const lines = most.slice(0, NAMED_MOST).map((growth) => this.#line(policy, growth));
    return further === 0 ? lines : [...lines, furtherLine(policy, further, rest.length)];
  }

  forget(name: string): void {
    this.#pending.delete(name);
  }

  #of({ name, logging }: Policy, now: number): Pending {
    const known = this.#pending.get(name);
    const due = now + logging.summarySeconds * 1000;
    if (known !== undefined) return Object.assign(known, { due: Math.min(known.due, due) });
    const fresh = { byDestination: new Map<string, Growth>(), further: 0, due, tokens: logging.burst, filled: now };
    this.#pending.set(name, fresh);
    return fresh;
  }

  #line(policy: Policy, { refused, by }: Growth): Report {
    const text = `${policy.name}: ${packets(by)} to ${destinationText(refused)} ${verb(policy)}${this.#advice(policy, refused)}`;
    return { instance: policy.name, refused, packets: by, text };
  }

  #advice(policy: Policy, refused: Refused): string {
    if (isAllowed(policy, refused, this.#own()))
      return `; it is allowed by now, as long as there are no more than networkIsolation.connectionsMax = ${policy.connectionsMax} connections at once`;
    const allowed = allowance(refused, this.#own());
    return allowed === null ? "" : `; to allow: ${nixLine(allowed.option, [allowed.value])}`;
  }
}

/** Whether a policy mutes an address. */
export const mutedBy = ({ logging: { mute } }: Policy): ((address: string) => boolean) => within(mute);

const hasNews = ({ byDestination, further }: Pending): boolean => byDestination.size > 0 || further > 0;

function add({ byDestination }: Pending, growth: Growth): void {
  const key = keyOf(growth.refused);
  byDestination.set(key, { ...growth, by: growth.by + (byDestination.get(key)?.by ?? 0) });
}

/** As many lines a minute, and at once, as the kernel may log. */
function refill(pending: Pending, { logging: { ratePerMinute, burst } }: Policy, now: number): void {
  pending.tokens = Math.min(burst, pending.tokens + ((now - pending.filled) * ratePerMinute) / MINUTE_MS);
  pending.filled = now;
}

const packets = (count: number): string => `${count} packet${count === 1 ? "" : "s"}`;

const verb = ({ isolation }: Policy): string =>
  isolation?.mode === "audit" ? "would be refused (audit: they passed)" : "refused";

const furtherLine = (policy: Policy, count: number, destinations: number): Report => ({
  instance: policy.name,
  refused: null,
  packets: count,
  text: `${policy.name}: ${packets(count)} to ${destinations === 0 ? "further" : `${destinations} or more further`} destinations ${verb(policy)}; see \`opencode-supervisor blocked ${policy.name}\``,
});
