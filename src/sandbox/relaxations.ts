/** What takes away from the baseline, said so that status can show it: the operator's options, and what the host lacks. */
import type { InstanceSpec } from "../spec/schema.ts";
import { lacksSecondLayer } from "./address-filter.ts";
import { baselineGaps } from "./baseline.ts";
import { directives } from "./drop-in.ts";
import type { Host } from "./host.ts";

/**
 * Without Landlock's scopes an abstract Unix socket is shared by the whole host, and a socket passed over one carries its
 * maker's network policy: an isolated instance then has no Unix sockets at all, unless it was given some.
 */
export const losesUnixSockets = ({ networkIsolation, sandbox }: InstanceSpec, host: Host): boolean =>
  !host.landlockScopes && networkIsolation.enable && sandbox.unixSockets.allow.length === 0;

function landlockGap(spec: InstanceSpec, host: Host): string[] {
  if (host.landlockScopes) return [];
  const what = "the kernel has no Landlock scopes (Linux 6.12)";
  if (losesUnixSockets(spec, host)) return [`${what}: isolated, so without Unix sockets altogether`];
  return [`${what}: abstract Unix sockets are shared with the host`];
}

/** One line each; empty when the instance has the whole baseline. */
export function relaxations(spec: InstanceSpec, host: Host): string[] {
  const { readWritePaths, unixSockets } = spec.sandbox;
  return [
    ...readWritePaths.map((path) => `sandbox.readWritePaths: may write ${path}`),
    ...unixSockets.allow.map((path) => `sandbox.unixSockets.allow: may connect to ${path}`),
    ...directives(spec).map((line) => `sandbox.serviceConfig: ${line}`),
    ...(lacksSecondLayer(spec)
      ? ["listen.allowFrom is empty and listen.address is not loopback: no second network layer (IPAddressDeny=)"]
      : []),
    ...landlockGap(spec, host),
    ...baselineGaps(host.systemdVersion),
  ];
}
