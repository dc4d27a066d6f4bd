/**
 * A host on the other end of a cable: a network namespace with listeners in it that record what arrives, and nothing else.
 * Tests make one for each address that an instance may, or may not, reach.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { NetworkNode } from "./network.ts";
import { inNetwork } from "./network.ts";
import { isPeerMessage, type PeerRequest, type Received } from "./peer-messages.ts";
import { type RunOptions, type RunResult, run } from "./run.ts";
import { waitFor } from "./wait.ts";

let made = 0;

export class Peer implements NetworkNode, AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #received: Received[] = [];
  readonly #listening = new Set<string>();
  #asked = 0;
  readonly #refused = new Map<string, string>();

  private constructor(name: string, pid: number, child: ChildProcess) {
    this.name = name;
    this.pid = pid;
    this.#child = child;
    child.on("message", (message: unknown) => this.#note(message));
  }

  /** A new peer, connected to nothing. It ends with this process. */
  static async up(name = "peer"): Promise<Peer> {
    const main = join(import.meta.dirname, "peer-main.ts");
    const child = spawn("unshare", ["--net", "--", process.execPath, main], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    await once(child, "message"); // it is in its namespace
    if (child.pid === undefined) throw new Error(`peer ${name}: cannot be started`);
    child.unref();
    child.channel?.unref();
    return new Peer(`${name}-${process.pid}-${++made}`, child.pid, child);
  }

  /**
   * Listens on `port`, at every address or only at `address`; resolves when it does. TCP says back what it gets (and `hello`
   * first), UDP sends each datagram back.
   */
  async listen(request: Omit<PeerRequest, "id">): Promise<void> {
    const id = `${request.protocol} ${request.address ?? "*"} ${request.port} #${++this.#asked}`;
    this.#child.send({ ...request, id });
    await waitFor(`${this.name} listening on ${id}`, () => this.#listening.has(id) || this.#refused.get(id));
    const refused = this.#refused.get(id);
    if (refused !== undefined) throw new Error(`${this.name}: cannot listen on ${id}: ${refused}`);
  }

  /** What has arrived so far: one for each TCP connection and each datagram, in order. */
  get received(): readonly Received[] {
    return this.#received;
  }

  /** Runs a program of the host in the peer's network namespace; for the host's curl, nc, ping. */
  async exec(argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    return await run(inNetwork(this, argv), options, `${this.name}: ${argv.join(" ")}`);
  }

  async down(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.ref();
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  #note(message: unknown): void {
    if (!isPeerMessage(message)) return;
    if (message.kind === "listening") this.#listening.add(message.id);
    else if (message.kind === "refused") this.#refused.set(message.id, message.why);
    else if (message.kind === "received") this.#received.push(message);
  }
}
