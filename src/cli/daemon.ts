/** `daemon`: the supervisor itself. systemd starts it; by hand it is for those who look for a fault, and there is only ever one. */
import { SUPERVISOR_UNIT } from "../spec/names.ts";
import { EX } from "./exit.ts";
import { failed } from "./output.ts";
import { systemctl } from "./systemctl.ts";

export async function daemon(json: boolean): Promise<number> {
  if (process.getuid?.() !== 0) return failed(EX.NOPERM, "only root may run the supervisor");
  // Of what it starts, systemd says which process is the main one (systemd.exec(5), SYSTEMD_EXEC_PID).
  const isByHand = process.env.SYSTEMD_EXEC_PID !== String(process.pid);
  if (isByHand && (await systemctl("is-active", "--quiet", SUPERVISOR_UNIT)) === 0)
    return failed(EX.UNAVAILABLE, `the supervisor runs already; first: systemctl stop ${SUPERVISOR_UNIT}`);
  await (await import("../daemon/main.ts")).daemon(json);
  return EX.OK;
}
