/** The sentences of the page: how all is, what needs a person, why what is shown is old. Pure. */
import type { InstanceStatus, Status } from "../../daemon/api/model.ts";
import { bytes, count, duration, percent } from "./format.ts";
import type { Link, Model } from "./model.ts";
import { shownState, type Tone } from "./states.ts";

/** One sentence about all instances. */
export function verdict(instances: readonly InstanceStatus[] | null, status: Status | null): string {
  if (instances === null) return "Asking the supervisor…";
  if (instances.length === 0) return "There are no instances yet.";
  const bad = ofTone(instances, "bad");
  if (bad > 0) return `${bad} of ${count(instances.length, "instance")} ${bad === 1 ? "needs" : "need"} a person.`;
  if (status !== null && status.problems.length > 0)
    return `${count(status.problems.length, "thing")} ${status.problems.length === 1 ? "needs" : "need"} a person.`;
  const busy = ofTone(instances, "busy");
  if (busy > 0) return `${count(busy, "instance")} of ${instances.length} on ${busy === 1 ? "its" : "their"} way.`;
  const good = ofTone(instances, "good");
  if (good === 1 && instances.length === 1) return "The one instance is ready.";
  return good === instances.length
    ? `All ${good} instances are ready.`
    : `${good} of ${count(instances.length, "instance")} ready, the rest are off.`;
}

export const ofTone = (instances: readonly InstanceStatus[], tone: Tone): number =>
  instances.filter(({ state }) => shownState(state).tone === tone).length;

/** What one asks next: since when, under which systemd, is the table there. */
export function facts({ status, usage }: Pick<Model, "status" | "usage">, now: number): string {
  if (status === null) return "";
  const latest = [...usage.values()].flatMap((samples) => samples.at(-1) ?? []);
  const memory = latest.reduce((sum, sample) => sum + (sample.memory ?? 0), 0);
  const cpu = latest.reduce((sum, sample) => sum + (sample.cpu ?? 0), 0);
  return [
    memory === 0 ? null : `${bytes(memory)} of memory`,
    latest.some((sample) => sample.cpu !== null) ? `${percent(cpu)} of a core` : null,
    `supervisor ${status.version}, up ${duration(now - Date.parse(status.since))}`,
    `systemd ${status.systemd.version}`,
  ]
    .filter((part) => part !== null)
    .join("  ·  ");
}

export interface Notice {
  readonly tone: "bad" | "busy";
  readonly title: string;
  readonly text: string;
}

export const LINKS: Readonly<Record<Link, string>> = {
  connecting: "Connecting",
  live: "Live",
  away: "Reconnecting",
  ended: "Ended",
};

/** What is to be said, the most urgent first. Pure. */
export function noticesOf({ link, why, status }: Pick<Model, "link" | "why" | "status">): Notice[] {
  return [...linkNotices(link, why), ...(status === null ? [] : statusNotices(status))];
}

function linkNotices(link: Link, why: string): Notice[] {
  if (link === "away")
    return [
      {
        tone: "bad",
        title: "The supervisor does not answer",
        text: `What you see is how things were, and goes on by itself once it answers; the instances run on without it. What was tried: ${why}.`,
      },
    ];
  if (link !== "ended") return [];
  return [
    {
      tone: "bad",
      title: "The dashboard cannot be reached",
      text: "The command that serves this page has ended, or the tunnel to it. Run `opencode-supervisor dashboard` again and open the new link; a tunnel that comes back is enough where the command still runs.",
    },
  ];
}

function statusNotices({ target, egress, file, problems, systemd }: Status): Notice[] {
  const notices: (Notice | null)[] = [
    systemd.connected ? null : bad("systemd cannot be asked", "its bus is away; what is shown of units may be old."),
    target === "active"
      ? null
      : bad("opencode.target is not active", "Nothing is to run. To start: systemctl start opencode.target."),
    egress.table ? null : bad("The table of network policies is missing", egress.why ?? "it is being put back."),
    file.ok ? null : bad("The instance file has mistakes", `${file.path}: what was good before stays in force.`),
    ...problems.map(({ instance, field, what, fix }) =>
      bad([instance, field].filter((part) => part !== null && part !== "").join(": ") || file.path, `${what}; ${fix}.`),
    ),
  ];
  return notices.filter((notice) => notice !== null);
}
const bad = (title: string, text: string): Notice => ({ tone: "bad", title, text });
