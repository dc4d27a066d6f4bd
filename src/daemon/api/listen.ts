/**
 * All that the daemon listens on: two sockets, and on loopback when asked for. Who answers there is in serve.ts: it and fastify
 * take 150 ms of a core to load, and are when somebody asks.
 */
import type { EventSink } from "../events/sink.ts";
import { endFront, type Front, listenAt, makeFront, type Place } from "./front.ts";
import { type TcpListener, tcpListener } from "./tcp.ts";

export interface Fronts {
  readonly status: Front;
  readonly control: Front;
  readonly tcp: { readonly front: Front; readonly token: string } | null;
}

const everyOne = ({ status, control, tcp }: Fronts): Front[] => [status, control, ...(tcp === null ? [] : [tcp.front])];

/** Listens at these places, and on TCP when `env` says so; when that cannot be had, it is told of, and all goes on without. */
export async function openFronts(
  places: { readonly status: Place; readonly control: Place },
  tell: Pick<EventSink, "error">,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Fronts> {
  const [status, control] = [makeFront(), makeFront()];
  await listenAt(status, places.status);
  await listenAt(control, places.control);
  const tcp = await tcpListener(env)
    .then(openTcp)
    .catch((error: unknown) => {
      const why = error instanceof Error ? error.message : error;
      tell.error({ kind: "trouble", what: "api" }, `no TCP listener: ${why}`);
      return null;
    });
  return { status, control, tcp };
}

async function openTcp(wanted: TcpListener | null): Promise<Fronts["tcp"]> {
  if (wanted === null) return null;
  const { token, ...place } = wanted;
  const front = makeFront();
  await listenAt(front, place);
  return { front, token };
}

/** Who answers is loaded when somebody asks, wherever. */
export function onDemand(
  fronts: Fronts,
  load: (fronts: Fronts) => Promise<() => Promise<void>>,
): { readonly failed: Promise<never>; end(): Promise<void> } {
  let end = async (): Promise<void> => {
    await Promise.all(everyOne(fronts).map(endFront));
  };
  const loaded = Promise.race(everyOne(fronts).map(({ asked }) => asked)).then(async () => {
    end = await load(fronts);
  });
  const forEver = new Promise<never>(() => undefined);
  return { failed: loaded.then(() => forEver), end: () => end() };
}
