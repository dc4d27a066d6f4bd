/** What the egress policies do, as journal entries. */
import { protocolName } from "../../netpolicy/suggest.ts";
import type { EgressEvents } from "../egress/egress.ts";
import type { Repair } from "../egress/guard.ts";
import type { EventSink } from "../events/sink.ts";

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** Fields become `OPENCODE_DESTINATION=` and so on; `OPENCODE_PACKETS` is what the line is about, not the sum of all. */
export function logEgress(log: EventSink): EgressEvents {
  return {
    refused: ({ instance, refused, packets, text }) => {
      const where =
        refused === null
          ? {}
          : {
              destination: refused.address,
              port: refused.port,
              protocol: protocolName(refused.protocol),
              first_seen: iso(refused.first),
              last_seen: iso(refused.last),
            };
      log.info({ kind: "refused", instance, packets, ...where }, text);
    },
    repaired: (repair) => {
      const { by, lost, failed, took } = repair;
      const fields = { kind: "repaired", by, lost: lost.length, failed: failed.length, took_ms: took };
      if (failed.length > 0) log.error(fields, repairText(repair));
      else log.warn(fields, repairText(repair));
    },
    unobserved: (name) =>
      log.error(
        { kind: "unobserved", instance: name },
        `${name}: its network policy is committed, but a packet from inside did not come through it: other software may drop or mark packets on loopback; see docs/network.md`,
      ),
  };
}

const NAMED_MOST = 5;

function some(names: readonly string[]): string {
  const more = names.length - NAMED_MOST;
  return `${names.slice(0, NAMED_MOST).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** `network policies changed by nft (pid 7): put back in 12 ms; not in force meanwhile: a, b`. */
export function repairText({ by, lost, failed, took }: Repair): string {
  const meanwhile = lost.length === 0 ? "all were in force" : `not in force meanwhile: ${some(lost)}`;
  const end = failed.length === 0 ? `put back in ${took} ms` : `${some(failed)} could not be put back; tried again`;
  return `network policies changed by ${by}: ${end}; ${meanwhile}`;
}
