/** A reader who follows pages to the letter: a clean host, what stands around it, and hands that type what is written. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ENVIRONMENT } from "../../testbed/guest.ts";
import { INSTALLED, TREE } from "../../testbed/host.ts";
import { Machine } from "../../testbed/machine.ts";
import { connect, inNetwork, type NetworkNode } from "../../testbed/network.ts";
import { Peer } from "../../testbed/peer.ts";
import { type RunResult, run } from "../../testbed/run.ts";
import { waitFor } from "../../testbed/wait.ts";
import { ARCHIVE } from "../package.ts";
import { isAsShown, type Step, squeezed, stepsOf } from "./steps.ts";

/** What the pages tell of: a model at this port of the host, a web server at this address. */
const MODEL_PORT = 11434;
const WEB = "203.0.113.7";
const WEB_SERVER = `require("node:http").createServer((q, r) => r.end("hello from outside\\n")).listen(80)`;
/** In the image of the machines beyond a minimal Debian, and not among what the pages have installed. */
const UNASKED = ["netcat-openbsd", "procps", "python3-minimal", "ripgrep", "socat", "strace"];
/** Nothing of this tree, no Node, no opencode; and mounts that spread, as on any host (credentials are mounted by systemd). */
const CLEAN = `
  mount --make-rshared /
  umount ${INSTALLED}
  rm -r ${INSTALLED} /usr/bin/node /usr/bin/opencode
  dpkg --purge ${UNASKED.join(" ")}
  apt-get autoremove --purge --yes`;
const STEP_MS = 120_000;

export class Reader implements AsyncDisposable {
  readonly machine: Machine;
  readonly #around: readonly ChildProcess[];
  readonly #peer: Peer;

  private constructor(machine: Machine, peer: Peer, around: readonly ChildProcess[]) {
    this.machine = machine;
    this.#peer = peer;
    this.#around = around;
  }

  /** A clean host with a model on its loopback and a web server beyond its cable. */
  static async at(name: string): Promise<Reader> {
    const machine = await Machine.up({ name });
    const peer = await Peer.up();
    await machine.sh(CLEAN);
    await connect(machine, peer, { addresses: [["203.0.113.1/24"], [`${WEB}/24`]] });
    const model = [join(TREE, "testbed/offline-model.ts"), "--port", String(MODEL_PORT)];
    const around = [start(machine, model), start(peer, ["-e", WEB_SERVER])];
    for (const url of [`http://127.0.0.1:${MODEL_PORT}`, `http://${WEB}`])
      await machine.waitFor(url, async () => (await machine.exec(["curl", "-s", url], { check: false })).code === 0);
    return new Reader(machine, peer, around);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#around) child.kill("SIGKILL");
    await this.#peer.down();
    await this.machine.down();
  }

  /** Brings the archive that `npm run package` made to root's home, as the pages say. */
  async bringArchive(): Promise<void> {
    await this.machine.copyIn(join(TREE, ARCHIVE), `/root/${ARCHIVE}`);
  }

  /** Does what a step says; rejects when it ends otherwise than the page says, or prints something else. */
  async follow(step: Step): Promise<void> {
    const once = (): Promise<RunResult> => (step.place === "clone" ? inClone(step.script) : this.#onHost(step.script));
    if (!step.isRepeated) return check(step, await once());
    await waitFor(
      "what the page shows",
      async (saw) => {
        const result = await once();
        saw(`exit status ${result.code}\n${all(result)}`);
        return result.code === step.exit && shows(step.output ?? "", result);
      },
      { deadlineMs: STEP_MS, intervalMs: 200 },
    );
  }

  async #onHost(script: string): Promise<RunResult> {
    return await this.machine.exec(shell(`cd\n${script}`), { check: false, timeoutMs: STEP_MS });
  }
}

const shell = (script: string): string[] => ["bash", "-e", "-c", script];

const all = ({ stdout, stderr }: RunResult): string => stdout + stderr;
/** What a terminal keeps: the answer, without the progress that is taken away again; or what else was said. */
const shows = (output: string, result: RunResult): boolean =>
  [result.stdout, all(result)].some((printed) => isAsShown(output, printed));

/** What node:test tells its own processes is not for what they start. */
const { NODE_TEST_CONTEXT: _, ...OF_A_SHELL } = process.env;
const inClone = (script: string): Promise<RunResult> =>
  run(shell(`cd ${TREE}\n${script}`), { env: OF_A_SHELL, check: false, timeoutMs: 5 * STEP_MS });

function check({ exit, output }: Step, result: RunResult): void {
  assert.equal(result.code, exit, `it ends with ${result.code}, and says:\n${all(result)}`);
  if (output !== null && !shows(output, result)) assert.equal(squeezed(all(result)), squeezed(output));
}

/** This Node in another's network: nothing of it is on the machine. It ends with this process, however that ends. */
function start(node: NetworkNode, args: readonly string[]): ChildProcess {
  const rest = ["--pdeathsig", "KILL", ...inNetwork(node, [process.execPath, ...args])];
  return spawn("setpriv", rest, { stdio: ["ignore", "ignore", "inherit"], env: ENVIRONMENT });
}

/** The steps of a page of this repository that are for its reader to take here. */
export const stepsOfPage = (page: string): Step[] =>
  stepsOf(readFileSync(join(TREE, page), "utf8")).filter(({ place }) => place !== "elsewhere");
