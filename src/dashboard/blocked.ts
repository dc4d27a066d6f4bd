/** What was refused, in the words that `blocked` has for it, and the lines that allow it. Pure. */
import type { EgressReport, RefusedDestination } from "../daemon/egress/model.ts";
import { destinationText, nixLine, type Option } from "../netpolicy/suggest.ts";
import type { BlockedDestination, BlockedReport } from "./model.ts";

const OPTIONS: Readonly<Record<Option, true>> = { outboundAllowCidrs: true, dns: true, allowLoopbackPorts: true };
const isOption = (name: string): name is Option => Object.hasOwn(OPTIONS, name);

/** For configuration.nix, and for the instance's part of the instance file; null where no line allows it. */
function linesOf(instance: string, allow: RefusedDestination["allow"]): BlockedDestination["lines"] {
  if (allow === null || !isOption(allow.option)) return null;
  return {
    nix: `services.opencode.instances.${instance}.${nixLine(allow.option, [allow.value])}`,
    json: `"networkIsolation": { ${JSON.stringify(allow.option)}: [${JSON.stringify(allow.value)}] }`,
  };
}

export const blockedOf = (report: EgressReport): BlockedReport => ({
  ...report,
  destinations: report.destinations.map((each) => ({
    ...each,
    text: destinationText({ ...each, protocol: each.protocolNumber }),
    lines: linesOf(report.name, each.allow),
  })),
});
