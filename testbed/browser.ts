/** Chromium without a screen, Debian's own: for tests, benches and pictures of the dashboard. */
import { existsSync } from "node:fs";
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

/** A browser with an empty profile of its own, gone when it is closed. */
export async function browser(): Promise<Browser> {
  const executablePath = found();
  if (executablePath === undefined) throw new Error(noBrowser() ?? "");
  return await chromium.launch({ executablePath, args: ARGUMENTS, chromiumSandbox: false });
}
