/** What Prometheus' own tool says of our metrics, alerts and their tests. It comes from Debian's package, which is not installed. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { cacheDir } from "../../../testbed/host.ts";
import { waitFor } from "../../../testbed/wait.ts";
import { facts, fullApi, readyView, snapshotOf } from "../api/testing.ts";
import { wantToken } from "../api/token.ts";
import { timings } from "./histogram.ts";
import { metricsText } from "./metrics.ts";

const MONITORING = fileURLToPath(new URL("../../../monitoring/", import.meta.url));

/** Where promtool and prometheus are: unpacked from Debian's package once, and kept in the cache. */
function tools(): string {
  const kept = join(cacheDir(), "prometheus");
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
    renameSync(join(directory, "unpacked/usr/bin"), kept);
  } finally {
    rmSync(directory, { recursive: true });
  }
  return kept;
}

describe("promtool", () => {
  const run = (args: readonly string[], input = "") => {
    const { status, stdout, stderr } = spawnSync(tool, args, { cwd: MONITORING, input, encoding: "utf8" });
    return { status, said: `${stdout}${stderr}` };
  };
  let tool = "";
  before(() => {
    tool = join(tools(), "promtool");
  });

  it("finds nothing wrong with /metrics, and something with what is none", () => {
    const taken = timings();
    taken.reconcile.observe(0.3);
    const text = metricsText({
      ...{ facts, snapshot: snapshotOf([readyView]), reports: [{ name: "a", total: 7 }], timings: taken, streams: 0 },
      process: { rssBytes: 1, cpuSeconds: 1, openFiles: 30 },
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

describe("Prometheus", () => {
  const TOKEN = "0123456789abcdef0123456789abcdef";
  const directory = mkdtempSync(join(tmpdir(), "prometheus-"));
  const views = ["a", "b"].map((name) => ({ ...readyView, name }));
  const api = fullApi(undefined, { snapshot: snapshotOf(views) });
  let prometheus: ChildProcess;
  let address = "";
  before(async () => {
    wantToken(api, TOKEN);
    const target = (await api.listen({ host: "127.0.0.1", port: 0 })).replace("http://", "");
    writeFileSync(join(directory, "token"), TOKEN);
    writeFileSync(join(directory, "prometheus.yml"), documented(target, directory));
    const flags = [
      `--config.file=${directory}/prometheus.yml`,
      `--storage.tsdb.path=${directory}/data`,
      "--web.listen-address=127.0.0.1:0",
    ];
    prometheus = spawn(join(tools(), "prometheus"), flags, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    prometheus.stderr?.on("data", (chunk) => (said += chunk));
    address = await waitFor(
      "Prometheus",
      (saw) => {
        saw(said);
        return /msg="Listening on" address=(127\.0\.0\.1:\d+)/.exec(said)?.[1];
      },
      { deadlineMs: 60_000 },
    );
  });
  after(async () => {
    prometheus?.kill();
    await api.close();
    rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
  });
  const ask = async (path: string): Promise<unknown> => {
    const answer: unknown = await (await fetch(`http://${address}/api/v1/${path}`)).json();
    return answer;
  };

  it("configured as docs/reference/metrics.md says, it knows our instances by their names", async () => {
    await waitFor("both", async (saw) => {
      const { data } = Value.Parse(Found, await ask("query?query=opencode_instance_ready"));
      saw(data);
      return JSON.stringify(data.result.map(({ metric }) => metric.instance).sort()) === '["a","b"]';
    });
  });

  it("and each of our alerts can be computed from what it has, and is silent", async () => {
    await waitFor("rules that are well", async (saw) => {
      const { data } = Value.Parse(Rules, await ask("rules"));
      const found = data.groups.flatMap((group) => group.rules);
      saw(found);
      return found.length === 7 && found.every(({ health, state }) => health === "ok" && state === "inactive");
    });
  });
});

/** What the page says to write in prometheus.yml, for the listener of this test, every second. */
function documented(target: string, directory: string): string {
  const page = readFileSync(new URL("../../../docs/reference/metrics.md", import.meta.url), "utf8");
  const text = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  return `global: { scrape_interval: 1s, evaluation_interval: 1s }\n${text}`
    .replace("/etc/prometheus/opencode-token", `${directory}/token`)
    .replace("127.0.0.1:9464", target)
    .replace("/usr/lib/opencode-supervisor/monitoring/", MONITORING);
}
const Found = Type.Object({
  data: Type.Object({ result: Type.Array(Type.Object({ metric: Type.Object({ instance: Type.String() }) })) }),
});
const Rule = Type.Object({ name: Type.String(), health: Type.String(), state: Type.String() });
const Rules = Type.Object({ data: Type.Object({ groups: Type.Array(Type.Object({ rules: Type.Array(Rule) })) }) });
