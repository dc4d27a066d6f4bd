/** Running systemctl(1) for the commands that ask systemd for something. */
import { spawn } from "node:child_process";

/** Runs `systemctl ARGS` with this process's output; its exit status. */
export function systemctl(...args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("systemctl", args, { stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}
