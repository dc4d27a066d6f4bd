/** pino's worker: writes each record to journald. In a worker, since the binding blocks while journald is stopped. */

import build from "pino-abstract-transport";
import journald from "systemd-journald";
import { toEntry } from "./entry.ts";

const LEVELS = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"] as const;

/** Called by pino in the worker (pino transports, "Writing a transport"). */
export default function transport() {
  return build(async (source) => {
    for await (const record of source) {
      const { priority, message, fields } = toEntry(record);
      journald[LEVELS[priority] ?? "info"](message, { ...fields });
    }
  });
}
