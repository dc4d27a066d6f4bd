/** What a virtual machine boots from, what it is run by, and why there can be none here. */
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ARCH, cacheDir, onPath, TREE } from "./host.ts";
import { image, mirror, obstacleTo } from "./image.ts";
import { run } from "./run.ts";
import { lacks, type Suite } from "./suites.ts";

/** Its kernel and userland: Linux 6.12, systemd 257. */
const SUITE: Suite = "trixie";
const QEMU = "qemu-system-x86_64";

/** Why no virtual machine can be started here, in one line; null when one can. */
export async function noVirtualMachine(): Promise<string | null> {
  if (ARCH !== "x64") return `virtual machines are for x64; this is ${ARCH}`;
  if (process.getuid?.() !== 0) return "virtual machines need root (their files are root's); run as root";
  if (!onPath(QEMU)) return `no ${QEMU} on PATH; on Debian: apt-get install qemu-system-x86`;
  const why = existsSync(kernelPlace()) ? null : await lacks(await mirror(), SUITE);
  return why ?? (await obstacleTo(SUITE));
}

export type Accelerator = "kvm" | "tcg";
/** With two computed ones, on a busy host, Debian's kernel was seen to die of its own breakpoints (int3) while it patched itself. */
const CPUS: Readonly<Record<Accelerator, string>> = { kvm: "2", tcg: "1" };

/**
 * `kvm` where the processor can do it by itself; else qemu computes it all (`tcg`), several times slower. A /dev/kvm alone says
 * little: one without vmx or svm behind it takes no kernel but those made for it.
 */
export function accelerator(
  cpuinfo: string = readFileSync("/proc/cpuinfo", "utf8"),
  usable: (path: string) => boolean = isUsable,
): Accelerator {
  return /^flags\s*:.* (vmx|svm)( |$)/m.test(cpuinfo) && usable("/dev/kvm") ? "kvm" : "tcg";
}

function isUsable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

const RECIPE = join(import.meta.dirname, "vm.sh");
const INIT = join(import.meta.dirname, "vm-init.sh");

/** Where Debian's kernel is, once it was got: the name has a hash of all that goes into it. */
function kernelPlace(): string {
  const hash = createHash("sha256").update(SUITE).update(readFileSync(RECIPE)).update(readFileSync(INIT));
  return join(cacheDir(), `vm-${hash.digest("hex").slice(0, 16)}`);
}

/** Directory with Debian's kernel; gets it first (about 20 s and 120 MB) when the cache does not have it. */
async function kernel(say: (line: string) => void): Promise<string> {
  const destination = kernelPlace();
  if (existsSync(destination)) return destination;
  mkdirSync(cacheDir(), { recursive: true });
  say(`getting Debian's kernel (once, kept in ${cacheDir()})`);
  const argv = ["bash", RECIPE, destination, SUITE, await mirror()];
  await run(argv, { timeoutMs: 900_000 }, "getting Debian's kernel");
  return destination;
}

/**
 * The command that is a virtual machine. Its disk is memory over what is shared with it, read-only; it has no network but its
 * own; its console is this command's stderr, and the port of vm-agent.ts its stdin and stdout. It ends with its parent.
 */
export async function qemu(by: Accelerator, say: (line: string) => void = () => {}): Promise<string[]> {
  const [boot, root] = [await kernel(say), await image(say, SUITE)];
  const share = (tag: string, path: string): string[] => [
    "-virtfs",
    `local,mount_tag=${tag},path=${path},security_model=passthrough,readonly=on,multidevs=remap`,
  ];
  return [
    ...["setpriv", "--pdeathsig", "KILL", "--", QEMU],
    ...["-accel", by, "-cpu", "max", "-smp", CPUS[by], "-m", "2G"],
    ...["-nodefaults", "-display", "none", "-nic", "none", "-no-reboot", "-device", "virtio-rng-pci"],
    ...["-kernel", `${boot}/vmlinuz`, "-initrd", `${boot}/initrd`, "-append", "console=ttyS0 quiet panic=-1"],
    ...["-chardev", "file,id=console,path=/proc/self/fd/2,append=on", "-serial", "chardev:console"],
    ...["-chardev", "stdio,id=agent,signal=off", "-device", "virtio-serial-pci"],
    ...["-device", "virtserialport,chardev=agent,name=agent"],
    ...share("image", root),
    ...share("kernel", `${boot}/root`),
    ...share("tree", TREE),
  ];
}
