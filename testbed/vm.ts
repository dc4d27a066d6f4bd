/**
 * A virtual machine: Debian's own kernel and all that hangs on it (memory and task limits that act, its own packet filter and
 * kernel log), under the image of the machines in namespaces. For what those cannot show: it is slower to boot and to work in.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { ENVIRONMENT, Guest, IS_UP } from "./guest.ts";
import { openLog, readLog } from "./log.ts";
import { RUN_MS, type RunOptions, type RunResult } from "./run.ts";
import { type Accelerator, accelerator, noVirtualMachine, qemu } from "./vm-boot.ts";
import { isAnswer, type Request } from "./vm-messages.ts";

/** How much longer everything may take where no processor helps. */
const SLOWNESS = { kvm: 1, tcg: 4 } as const;
/** Who asks all the time takes the one computed processor from whom it waits for. */
const INTERVALS_MS = { kvm: 25, tcg: 500 } as const;
/** What an answer may take on its way, beside the program's own time. */
const ANSWER_MS = 10_000;

type Waiting = (why: Error | null, result?: RunResult) => void;
let made = 0;

export class VirtualMachine extends Guest {
  readonly name = `vm-${process.pid}-${++made}`;
  override readonly slowness: number;
  override readonly intervalMs: number;
  readonly #qemu: ChildProcess;
  /** Resolves when qemu has ended. */
  readonly #ended: Promise<void>;
  /** Who waits for the answer to a request, by its id. */
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  /** Why nothing more can be asked; null while it runs. */
  #over: Error | null = null;

  private constructor(by: Accelerator, child: ChildProcess, log: number) {
    super();
    this.slowness = SLOWNESS[by];
    this.intervalMs = INTERVALS_MS[by];
    this.#qemu = child;
    this.#ended = new Promise((resolve) => {
      child.once("error", ({ message }) => resolve(this.#end(`cannot be started: ${message}`)));
      child.once("close", () => resolve(this.#end(`has ended: ${readLog(log)}`)));
    });
    child.stdin?.on("error", () => {}); // it has ended; who waits is told by that
    if (child.stdout !== null) createInterface({ input: child.stdout }).on("line", (line) => this.#hear(line));
  }

  /** Boots one and resolves when systemd says `running` or `degraded`: some seconds, or half a minute without kvm. */
  static async up(say?: (line: string) => void): Promise<VirtualMachine> {
    const why = await noVirtualMachine();
    if (why !== null) throw new Error(why);
    const by = accelerator();
    const [program = "", ...args] = await qemu(by, say);
    const log = openLog();
    const machine = new VirtualMachine(by, spawn(program, args, { stdio: ["pipe", "pipe", log] }), log);
    try {
      await machine.exec(IS_UP, { check: false });
      return machine;
    } catch (error) {
      await machine.down();
      throw error;
    }
  }

  override get over(): Error | null {
    return this.#over;
  }

  async exec(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { input = "", timeoutMs = RUN_MS, env, ...rest } = options;
    const request: Request = {
      ...rest,
      id: ++this.#asked,
      argv,
      label: `${this.name}: ${argv.join(" ")}`,
      input: Buffer.from(input).toString("base64"),
      env: { ...ENVIRONMENT, ...env },
      timeoutMs: timeoutMs * this.slowness,
    };
    return await this.#ask(request, timeoutMs * this.slowness + ANSWER_MS);
  }

  #ask(request: Request, deadlineMs: number): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      if (this.#over !== null) return reject(this.#over);
      const late = () => this.#settle(request.id, new Error(`${request.label}: no answer within ${deadlineMs} ms`));
      const timer = setTimeout(late, deadlineMs);
      this.#waiting.set(request.id, (why, result) => {
        clearTimeout(timer);
        if (result === undefined) reject(why);
        else resolve(result);
      });
      this.#qemu.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  }

  #hear(line: string): void {
    const answer: unknown = JSON.parse(line);
    if (!isAnswer(answer)) return;
    if ("result" in answer) this.#settle(answer.id, null, answer.result);
    else this.#settle(answer.id, new Error(answer.error));
  }

  #settle(id: number, why: Error | null, result?: RunResult): void {
    this.#waiting.get(id)?.(why, result);
    this.#waiting.delete(id);
  }

  #end(how: string): void {
    this.#over = new Error(`${this.name} ${how}`);
    for (const id of this.#waiting.keys()) this.#settle(id, this.#over);
  }

  async down(): Promise<void> {
    this.#qemu.kill("SIGKILL");
    await this.#ended;
  }
}
