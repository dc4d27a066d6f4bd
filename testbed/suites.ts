/** Which Debian a machine is: the suites it can be made of, and whether one can be had from this host's mirror. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run.ts";

/**
 * What they bring changes with Debian; `systemctl --version` in a machine says it. A suite of backports is the release before
 * the dash with whatever of it has been backported.
 */
export const SUITES = ["bookworm", "bookworm-backports", "trixie", "forky", "sid"] as const;
export type Suite = (typeof SUITES)[number];

/** systemd 257, nftables 1.1.3: what every test is held against. */
const USUAL: Suite = "trixie";

/** @throws when there is no such suite, saying which there are */
export function suiteNamed(name: string): Suite {
  const found = SUITES.find((each) => each === name);
  if (found === undefined) throw new Error(`there is no suite ${name}; write one of ${SUITES.join(", ")}`);
  return found;
}

/** The suite of a machine that nobody asked another one for: `MACHINE_SUITE`, to try a test by hand, else trixie. */
export function usualSuite(env: NodeJS.ProcessEnv = process.env): Suite {
  return env.MACHINE_SUITE === undefined ? USUAL : suiteNamed(env.MACHINE_SUITE);
}

/** Why this mirror does not have a suite, in one line; null when it has. It is asked the way apt asks. */
export async function lacks(mirror: string, suite: Suite): Promise<string | null> {
  const url = `${mirror.replace(/\/$/, "")}/dists/${suite}/InRelease`;
  const directory = mkdtempSync(join(tmpdir(), "suite-"));
  try {
    const argv = ["/usr/lib/apt/apt-helper", "download-file", url, join(directory, "InRelease")];
    const { code, stderr } = await run(argv, { check: false });
    const error = /^E: (.*)/m.exec(stderr)?.[1] ?? `apt-helper ended with ${code}`;
    return code === 0 ? null : `this host's mirror has no Debian ${suite}: ${error}`;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
