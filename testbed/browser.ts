/** Chromium without a screen, Debian's own: for tests, benches and pictures of the dashboard. */
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const ARGUMENTS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

const found = (): string | undefined =>
  (process.env.PATH ?? "")
    .split(":")
    .flatMap((directory) => NAMES.map((name) => join(directory, name)))
    .find((path) => existsSync(path));

/** Why no browser can be started here, in one line; null when one can. */
export const noBrowser = (): string | null =>
  found() === undefined ? `no ${NAMES.join(", ")} on PATH; on Debian: apt-get install chromium` : null;

/**
 * A browser with an empty profile of its own, gone when it is closed.
 * @param machine pid of a process whose network it is to have (network_namespaces(7)), such as a machine's systemd
 */
export async function browser(machine?: number): Promise<Browser> {
  const chromiumPath = found();
  if (chromiumPath === undefined) throw new Error(noBrowser() ?? "");
  const executablePath = machine === undefined ? chromiumPath : entering(machine, chromiumPath);
  return await chromium.launch({ executablePath, args: ARGUMENTS, chromiumSandbox: false });
}

/** A program that runs the other one in that network: what drives the browser takes one path and no arguments. */
function entering(pid: number, program: string): string {
  const path = join(mkdtempSync(join(tmpdir(), "browser-")), "chromium");
  writeFileSync(path, `#!/bin/sh\nrm -r "$(dirname "$0")"\nexec nsenter -n -t ${pid} -- ${program} "$@"\n`, {
    mode: 0o755,
  });
  return path;
}
