/** What Prometheus' own tool says of our metrics, alerts and their tests. It comes from Debian's package, which is not installed. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { cacheDir } from "../../../testbed/host.ts";
import { facts, readyView, snapshotOf } from "../api/testing.ts";
import { timings } from "./histogram.ts";
import { metricsText } from "./metrics.ts";

const MONITORING = fileURLToPath(new URL("../../../monitoring/", import.meta.url));

/** Path of promtool: unpacked from Debian's package once, and kept in the cache. */
function promtool(): string {
  const kept = join(cacheDir(), "promtool");
  if (existsSync(kept)) return kept;
  mkdirSync(cacheDir(), { recursive: true });
  const directory = mkdtempSync(join(cacheDir(), "prometheus-"));
  try {
    // The file is handed to us, whoever apt would fetch as.
    execFileSync("apt-get", ["-o", "APT::Sandbox::User=root", "download", "prometheus"], {
      cwd: directory,
      stdio: "pipe",
    });
    const [deb = ""] = readdirSync(directory).filter((name) => name.endsWith(".deb"));
    execFileSync("dpkg-deb", ["-x", deb, "unpacked"], { cwd: directory });
    renameSync(join(directory, "unpacked/usr/bin/promtool"), kept);
  } finally {
    rmSync(directory, { recursive: true });
  }
  return kept;
}

describe("promtool", () => {
  let tool = "";
  const run = (args: readonly string[], input = "") => {
    const { status, stdout, stderr } = spawnSync(tool, args, { cwd: MONITORING, input, encoding: "utf8" });
    return { status, said: `${stdout}${stderr}` };
  };
  before(() => {
    tool = promtool();
  });

  it("finds nothing wrong with /metrics, and something with what is none", () => {
    const taken = timings();
    taken.reconcile.observe(0.3);
    const text = metricsText({
      ...{ facts, snapshot: snapshotOf([readyView]), reports: [{ name: "a", total: 7 }], timings: taken, streams: 0 },
      process: { rssBytes: 1, cpuSeconds: 1 },
    });
    assert.deepEqual(run(["check", "metrics"], text), { status: 0, said: "" });
    assert.notEqual(run(["check", "metrics"], "a b c\n").status, 0);
  });

  it("accepts the alerts, and each fires when its test says so", () => {
    assert.match(run(["check", "rules", "alerts.yml"]).said, /SUCCESS: 7 rules found/);
    const { status, said } = run(["test", "rules", "alerts.test.yml"]);
    assert.equal(status, 0, said);
  });
});
