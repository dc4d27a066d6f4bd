/** `dashboard`: serves the page about the instances on loopback, for the browser that opens the link, until it is ended. */
import { once } from "node:events";
import { hostname, userInfo } from "node:os";
import { LINK_MS } from "../dashboard/access.ts";
import { readAssets } from "../dashboard/assets.ts";
import { isLoopback, originOf } from "../dashboard/host.ts";
import { buildDashboard } from "../dashboard/server.ts";
import { Supervisor } from "../dashboard/supervisor.ts";
import { type Call, UsageError } from "./command.ts";
import { EX } from "./exit.ts";
import { failed, write } from "./output.ts";

export async function dashboard({ port = "0", address = "127.0.0.1" }: Call["options"]): Promise<number> {
  const wanted = portOf(String(port));
  const host = String(address);
  if (!isLoopback(host))
    throw new UsageError(
      `--address ${host}: write a loopback address, such as 127.0.0.1; from elsewhere it is reached through ssh -L`,
    );
  const { server, access } = buildDashboard({ supervisor: new Supervisor(), assets: readAssets() });
  try {
    await server.listen({ host, port: wanted });
  } catch (error) {
    return failed(EX.UNAVAILABLE, `${originOf(host, wanted)}: ${error instanceof Error ? error.message : error}`);
  }
  const taken = server.server.address();
  write(greeting(host, typeof taken === "object" && taken !== null ? taken.port : wanted, access.link ?? ""));
  const ended = await Promise.race([signalled(), unopened(() => access.link !== null)]);
  await server.close();
  return ended ? EX.OK : failed(EX.UNAVAILABLE, "nobody opened the link in time; run it again");
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 0 && port <= 65535) return port;
  throw new UsageError("--port: write a number from 1 to 65535, or 0 for one that is free");
}

/** What is printed: the link, and how to come to it from another computer. */
export function greeting(
  address: string,
  port: number,
  link: string,
  user = userInfo().username,
  host = hostname(),
): string {
  return [
    `Open this in a browser; it is good once, for ${LINK_MS / 60_000} minutes:`,
    "",
    `  ${originOf(address, port)}${link}`,
    "",
    "From another computer, first:",
    "",
    `  ssh -L ${port}:${address.includes(":") ? `[${address}]` : address}:${port} ${user}@${host}`,
    "",
    "Ctrl-C ends it, and with it the session.",
    "",
  ].join("\n");
}

const signalled = async (): Promise<true> => {
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM"), once(process, "SIGHUP")]);
  return true;
};

/** Resolves when the link is too old and was never used: nobody can come in any more. */
const unopened = (isUnused: () => boolean): Promise<false> =>
  new Promise((resolve) => {
    setTimeout(() => isUnused() && resolve(false), LINK_MS).unref();
  });
