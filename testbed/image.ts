/** The root file system every machine stands on: built once by image.sh, then shared by every clone and every run. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { progressLine } from "../src/cli/progress.ts";
import { cacheDir, NODE_DIR, opencodeBinary } from "./host.ts";
import { tooNewFor } from "./native.ts";
import { run } from "./run.ts";
import { lacks, type Suite, usualSuite } from "./suites.ts";

const PACKAGES = [
  "ca-certificates",
  "curl",
  "dbus",
  "git",
  "iproute2",
  "jq",
  "libnftables1",
  "libsystemd0",
  "netcat-openbsd",
  "nftables",
  "procps",
  "python3-minimal",
  "ripgrep",
  "socat",
  "strace",
  "systemd",
  "systemd-sysv",
];

/** Its python3-minimal has no json. */
const OF_BOOKWORM = ["python3"];
const MORE: Partial<Record<Suite, readonly string[]>> = { bookworm: OF_BOOKWORM, "bookworm-backports": OF_BOOKWORM };

const quiet = (): void => undefined;

const RECIPE = join(import.meta.dirname, "image.sh");
const rest = (suite: Suite): string[] => {
  const packages = [...PACKAGES, ...(MORE[suite] ?? [])];
  return [packages.join(","), `${NODE_DIR}/bin/node`, opencodeBinary()];
};

/** Where the image of a suite is, once it is built: the name has a hash of all that goes into it. */
function placeOf(suite: Suite): string {
  const key = createHash("sha256")
    .update(readFileSync(RECIPE))
    .update(JSON.stringify([suite, ...rest(suite)]))
    .digest("hex");
  return join(cacheDir(), `image-${key.slice(0, 16)}`);
}

/** Path of the image; builds it first (about 15 s and 300 MB) when the cache does not have it. */
export async function image(say: (line: string) => void = quiet, suite: Suite = usualSuite()): Promise<string> {
  const destination = placeOf(suite);
  if (existsSync(destination)) return destination;
  mkdirSync(cacheDir(), { recursive: true });
  say(`building the machines' image of Debian ${suite} (once, kept in ${cacheDir()})`);
  const started = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - started) / 1000)} s`;
  const line = progressLine();
  const look = (): void => line.show(`  ${packagesIn(`${destination}.part`)} packages unpacked, ${seconds()}`);
  const timer = say === quiet ? undefined : setInterval(look, 500);
  try {
    await run(
      ["bash", RECIPE, destination, suite, await mirror(), ...rest(suite)],
      { timeoutMs: 900_000 },
      `building the image of Debian ${suite}`,
    );
  } finally {
    clearInterval(timer);
    line.end();
  }
  say(`the machines' image is built: ${packagesIn(destination)} packages, ${seconds()}`);
  return destination;
}

/**
 * Why no machine of this suite can run what is in the working tree, in one line; null when one can. Its image is built by
 * then: what goes wrong there rejects, as it is no reason to do without.
 */
export async function obstacleTo(suite: Suite): Promise<string | null> {
  const why = existsSync(placeOf(suite)) ? null : await lacks(await mirror(), suite);
  return why ?? tooNewFor(await image(quiet, suite));
}

/** How many packages dpkg has unpacked below a root; 0 before there is one. */
export function packagesIn(root: string): number {
  const info = join(root, "var/lib/dpkg/info");
  return existsSync(info) ? readdirSync(info).filter((name) => name.endsWith(".list")).length : 0;
}

/** The Debian mirror this machine's own apt uses; asks apt to fetch its lists when it has none. */
export async function mirror(): Promise<string> {
  const known = await knownMirror();
  if (known !== undefined) return known;
  await run(["apt-get", "update", "-qq"], { timeoutMs: 300_000 });
  const uri = await knownMirror();
  if (uri === undefined)
    throw new Error("apt on this machine knows no Debian mirror; add one to /etc/apt/sources.list.d");
  return uri;
}

async function knownMirror(): Promise<string | undefined> {
  const format = "$(ORIGIN) $(COMPONENT) $(RELEASE) $(REPO_URI)";
  const { stdout } = await run(["apt-get", "indextargets", "--format", format, "Created-By: Packages"]);
  const targets = stdout.split("\n").map((line) => line.split(" "));
  const plain = ([origin, component, release = "-"]: string[]): boolean =>
    origin === "Debian" && component === "main" && !release.includes("-");
  return targets.find(plain)?.[3];
}
