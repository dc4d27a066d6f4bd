import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { VirtualMachine } from "./vm.ts";
import { noVirtualMachine } from "./vm-boot.ts";
import { waitFor } from "./wait.ts";

const OWNER = `
import { spawn } from "node:child_process";
import { qemu } from "${import.meta.dirname}/vm-boot.ts";
const [program, ...args] = await qemu("tcg");
console.log(spawn(program, args, { stdio: ["pipe", "ignore", "ignore"] }).pid);`;

/** Name and state of a process (proc_pid_stat(5)); null when there is none. */
function processIs(pid: number): string | null {
  try {
    return /\((.*)\) ./.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[0] ?? null;
  } catch {
    return null;
  }
}

describe("a virtual machine", { skip: (await noVirtualMachine()) ?? false }, () => {
  it("runs what it is asked to, on a kernel of its own, and says what fails, in there or because it has gone", async () => {
    await using machine = await VirtualMachine.up(console.error);
    const own = (await machine.readFile("/proc/sys/kernel/random/boot_id")).trim();
    assert.notEqual(own, readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
    await machine.writeFile("/root/a", "é\n");
    const [said, failed] = await Promise.all([
      machine.exec(["sh", "-c", 'cat - /root/a; echo "$X"'], { input: "in ", env: { X: "y" } }),
      machine.exec(["sh", "-c", "echo no >&2; kill -9 $$"], { check: false }),
    ]);
    assert.equal(said.stdout, "in é\ny\n");
    assert.deepEqual(failed, { code: 137, stdout: "", stderr: "no\n" });
    await assert.rejects(machine.exec(["false"]), /: false: exit status 1/);
    const waiting = assert.rejects(machine.exec(["sleep", "infinity"]), /has ended/);
    await machine.down();
    await waiting;
    await assert.rejects(machine.exec(["true"]), /has ended/);
    await assert.rejects(machine.waitForUnit("never.service"), /has ended/, "nobody waits for one that has gone");
  });

  it("ends with its owner, however that ends", async () => {
    const owner = spawn(process.execPath, ["--input-type=module", "--eval", OWNER], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await once(createInterface({ input: owner.stdout }), "line");
    const pid = Number(line);
    await waitFor("qemu", (saw) => {
      saw(processIs(pid));
      return processIs(pid)?.startsWith("(qemu");
    });
    owner.kill("SIGKILL");
    await waitFor("its end", (saw) => {
      const now = processIs(pid);
      saw(now);
      return now === null || now.endsWith("Z"); // where nobody reaps orphans
    });
  });
});
