/** What `blocked` prints. Pure. */
import type { EgressReport, RefusedDestination } from "../daemon/egress/model.ts";
import { destinationText, nixLine, type Option, type Suggestion, suggest } from "../netpolicy/suggest.ts";
import { columns, fitted } from "./table.ts";

const OPTIONS: readonly Option[] = ["outboundAllowCidrs", "dns", "allowLoopbackPorts"];

const where = ({ address, protocolNumber, port }: RefusedDestination) => ({ address, protocol: protocolNumber, port });

/** `2026-11-21 01:02:03`, UTC. */
const time = (iso: string): string => iso.slice(0, 19).replace("T", " ");

function allowText({ allow }: RefusedDestination): string {
  return allow === null ? "-" : `${allow.option} ${JSON.stringify(allow.value)}`;
}

const HEAD = ["INSTANCE", "DESTINATION", "PACKETS", "FIRST (UTC)", "LAST (UTC)", "TO ALLOW, IN networkIsolation"];

/**
 * Instances that were refused something, a line a destination, and below what is not in the table. Where that is wider than
 * `width` columns, what allows a destination is on a line of its own.
 */
export function table(reports: readonly EgressReport[], width = Number.POSITIVE_INFINITY): string {
  const rows = reports.flatMap((report) =>
    report.destinations.map((each) => [
      report.name,
      destinationText(where(each)),
      String(each.packets),
      time(each.first),
      time(each.last),
      `${allowText(each)}${each.muted ? " (muted)" : ""}`,
    ]),
  );
  const wide = columns([HEAD, ...rows]);
  const fits = wide.every((line) => line.length <= width);
  const lines = rows.length === 0 ? ["nothing was refused"] : fits ? wide : narrow(rows, width);
  return `${[...lines, ...reports.flatMap(footnotes)].join("\n")}\n`;
}

function narrow(rows: readonly (readonly string[])[], width: number): string[] {
  const minutes = (text: string): string => text.replace(/^\d{4}-(.*):\d\d$/, "$1");
  const short = [HEAD, ...rows].map((row) => row.slice(0, -1).map(minutes));
  const [head = "", ...lines] = columns(short);
  if ([head, ...lines].every((line) => line.length <= width))
    return [head, ...lines.flatMap((line, index) => [line, `  to allow: ${rows[index]?.at(-1)}`])];
  const [less = "", ...others] = fitted(
    short.map(([instance = "", , ...more]) => [instance, ...more]),
    width,
  );
  return [
    less,
    ...others.flatMap((line, index) => {
      const [, destination, ...more] = rows[index] ?? [];
      return [line, `  to ${destination}`, `  to allow: ${more.at(-1)}`];
    }),
  ];
}

function footnotes({ name, mode, further, observed }: EgressReport): string[] {
  return [
    ...(further > 0 ? [`${name}: ${further} more packets, to destinations that are not listed`] : []),
    ...(mode === "audit" ? [`${name}: audit: nothing of this was refused, all of it passed`] : []),
    ...(observed === null && mode !== "none"
      ? [`${name}: its policy has not been observed at work since it was put in force`]
      : []),
  ];
}

/** What would allow all that is listed, by instance. */
export function suggestions(
  reports: readonly EgressReport[],
  own: ReadonlySet<string>,
): Readonly<Record<string, { networkIsolation: Suggestion["add"]; notes: readonly string[] }>> {
  const entries = reports.map(({ name, destinations }) => {
    const { add, notes } = suggest(destinations.filter(({ allow }) => allow !== null).map(where), own);
    return [name, { networkIsolation: add, notes }] as const;
  });
  return Object.fromEntries(entries);
}

/** The same for configuration.nix; lists that are defined in two places are joined there. */
export function snippet(reports: readonly EgressReport[], own: ReadonlySet<string>): string {
  const parts = Object.entries(suggestions(reports, own)).map(([name, { networkIsolation, notes }]) => {
    const lines = OPTIONS.flatMap((option) => {
      const values = networkIsolation[option];
      return values === undefined ? [] : [`  ${nixLine(option, values)}`];
    });
    const comments = notes.map((note) => `  # ${note}`);
    if (lines.length + comments.length === 0) return `# ${name}: nothing was refused\n`;
    return `services.opencode.instances.${name} = {\n${[...lines, ...comments].join("\n")}\n};\n`;
  });
  return parts.join("");
}

export interface Growth {
  readonly text: string;
  readonly line: RefusedDestination & { readonly instance: string; readonly more: number };
}

/** What was refused between two readings, the oldest first. */
export function growth(before: readonly EgressReport[], now: readonly EgressReport[]): Growth[] {
  const keyOf = (name: string, each: RefusedDestination): string => `${name} ${destinationText(where(each))}`;
  const known = new Map(
    before.flatMap(({ name, destinations }) => destinations.map((each) => [keyOf(name, each), each.packets] as const)),
  );
  const grown = now.flatMap(({ name, destinations }) =>
    destinations.map((each) => ({ ...each, instance: name, more: each.packets - (known.get(keyOf(name, each)) ?? 0) })),
  );
  return grown
    .filter(({ more }) => more > 0)
    .sort((a, b) => (a.last < b.last ? -1 : 1))
    .map((line) => ({ line, text: followText(line) }));
}

const followText = (line: Growth["line"]): string =>
  `${time(line.last)}  ${line.instance}  ${line.more} to ${destinationText(where(line))}  to allow: ${allowText(line)}`;
