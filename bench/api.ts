/**
 * What the status API takes: the list of 500 instances at 200 requests a second, from memory and after a change each, against
 * a bare fastify route that answers with the same bytes; and how long after systemd's signal its followers have an event.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { eventDelays, FOLLOWERS, INSTANCES } from "./events.ts";
import { kept, median, ratios, spread, table } from "./numbers.ts";

const COUNT = 500;
const PER_SECOND = 200;
const ROUNDS = 5;
const REQUESTS = 600;
const MOST_MS = 10;
const MOST_RATIO = 1.5;
const MOST_EVENT_MS = 20;

const p99 = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] ?? Number.NaN;

/**
 * Milliseconds each of the requests took, sent at a steady pace whatever the answers take. The client reads into one buffer and
 * looks at nothing but lengths: what is measured is to be the server's time, not its own.
 */
async function paced(socketPath: string): Promise<number[]> {
  const clients: Client[] = [];
  const idle: Client[] = [];
  const began = performance.now();
  const taken = await Promise.all(
    Array.from({ length: REQUESTS }, async (_, index) => {
      const due = (index * 1000) / PER_SECOND;
      await delay(Math.max(0, began + due - performance.now()));
      const sent = performance.now();
      const client = idle.pop() ?? new Client(socketPath);
      if (!clients.includes(client)) clients.push(client);
      await client.ask();
      idle.push(client);
      return performance.now() - sent;
    }),
  );
  for (const client of clients) client.close();
  return taken;
}

const REQUEST = "GET /v1/instances HTTP/1.1\r\nHost: bench\r\n\r\n";

/** One kept connection, one request at a time. */
class Client {
  readonly #socket: Socket;
  #left: number | null = null;
  #answered = Promise.withResolvers<void>();

  constructor(path: string) {
    const callback = (length: number, buffer: Uint8Array): boolean => {
      this.#heard(length, buffer);
      return true;
    };
    this.#socket = connect({ path, onread: { buffer: Buffer.alloc(65_536), callback } });
    this.#socket.on("error", (error) => this.#answered.reject(error));
  }

  ask(): Promise<void> {
    this.#left = null;
    this.#answered = Promise.withResolvers();
    this.#socket.write(REQUEST);
    return this.#answered.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The head comes whole, in front of the body's first bytes. */
  #heard(length: number, buffer: Uint8Array): void {
    this.#left ??= lengthOf(Buffer.from(buffer.buffer, 0, Math.min(length, 1024)).toString("latin1"));
    this.#left -= length;
    if (this.#left === 0) this.#answered.resolve();
    else if (this.#left < 0) this.#answered.reject(new Error("the answer is longer than it says"));
  }
}

/** Bytes of head and body; throws for anything but an answer with its length. */
function lengthOf(start: string): number {
  const head = start.indexOf("\r\n\r\n") + 4;
  const body = /^content-length: (\d+)\r$/im.exec(start)?.[1];
  if (head < 4 || body === undefined || !start.startsWith("HTTP/1.1 200 ")) throw new Error(`answered with ${start}`);
  return head + Number(body);
}

async function listing(): Promise<string[][]> {
  const directory = mkdtempSync(join(tmpdir(), "bench-api-"));
  const server = fork(new URL("./api-server.ts", import.meta.url), [directory, String(COUNT)]);
  try {
    const [size]: unknown[] = await once(server, "message");
    const runs: Record<"api" | "changed" | "bare", number[][]> = { api: [], changed: [], bare: [] };
    for (const name of ["api", "changed", "bare"] as const) await paced(join(directory, name)); // to be warm
    for (let round = 0; round < ROUNDS; round++)
      for (const name of ["bare", "api", "changed"] as const) runs[name].push(await paced(join(directory, name)));
    const ends = { api: runs.api.map(p99), changed: runs.changed.map(p99), bare: runs.bare.map(p99) };
    const middles = { api: runs.api.map(median), bare: runs.bare.map(median) };
    const times = ratios(middles.api, middles.bare);
    return [
      [
        `${COUNT} instances, ${Math.round(Number(size) / 1024)} KiB, ${PER_SECOND} requests/s`,
        "median (spread)",
        "target",
      ],
      ["p99, nothing changed", spread(ends.api, 1, "ms"), `most ${MOST_MS} ms: ${kept(ends.api, MOST_MS)}`],
      [
        "p99, one changed before each",
        spread(ends.changed, 1, "ms"),
        `most ${MOST_MS} ms: ${kept(ends.changed, MOST_MS)}`,
      ],
      ["p99, bare fastify, same bytes", spread(ends.bare, 1, "ms"), ""],
      ["median, times bare fastify's", spread(times, 2), `most ${MOST_RATIO}: ${kept(times, MOST_RATIO)}`],
    ];
  } finally {
    server.kill();
    await once(server, "exit");
    rmSync(directory, { recursive: true });
  }
}

async function events(): Promise<string[][]> {
  const { signal, change } = await eventDelays();
  const ends = [p99(signal)];
  const what = `${INSTANCES} instances: systemd's signal to ${FOLLOWERS} followers`;
  return [
    [`${what}, p50`, spread([median(signal)], 1, "ms"), ""],
    ["…, p99", spread(ends, 1, "ms"), `most ${MOST_EVENT_MS} ms: ${kept(ends, MOST_EVENT_MS)}`],
    ["… from when systemd says it changed, p99", spread([p99(change)], 1, "ms"), ""],
  ];
}

export async function api(): Promise<string> {
  return table([...(await listing()), ...(await events())]);
}

if (import.meta.main) console.log(await api());
