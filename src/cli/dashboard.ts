/** `dashboard`: serves the page about the instances on loopback, for the browser that opens the link, until it is ended. */
import { once } from "node:events";
import { hostname, userInfo } from "node:os";
import { LINK_MS } from "../dashboard/access.ts";
import { readAssets } from "../dashboard/assets.ts";
import { isLoopback, originOf } from "../dashboard/host.ts";
import { buildDashboard } from "../dashboard/server.ts";
import { Supervisor } from "../dashboard/supervisor.ts";
import type { Link } from "./answers.ts";
import { type Call, UsageError } from "./command.ts";
import { EX } from "./exit.ts";
import { failed, write } from "./output.ts";

export async function dashboard({ port = "0", address = "127.0.0.1", json }: Call["options"]): Promise<number> {
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
  const at = typeof taken === "object" && taken !== null ? taken.port : wanted;
  if (json === true) write(`${JSON.stringify(linkOf(host, at, access.link ?? ""))}\n`);
  else write(greeting(host, at, access.link ?? ""));
  const ended = await Promise.race([signalled(), unopened(() => access.link !== null)]);
  await server.close();
  return ended ? EX.OK : failed(EX.UNAVAILABLE, "nobody opened the link in time; run it again");
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 0 && port <= 65535) return port;
  throw new UsageError("--port: write a number from 1 to 65535, or 0 for one that is free");
}

/** The link as a program is told it. */
const linkOf = (address: string, port: number, link: string): Link => ({
  ...{ url: originOf(address, port) + link, seconds: LINK_MS / 1000 },
  ssh: tunnel(address, port, userInfo().username, hostname()),
});

/** The command that brings the port to another computer. */
const tunnel = (address: string, port: number, user: string, host: string): string =>
  `ssh -L ${port}:${address.includes(":") ? `[${address}]` : address}:${port} ${user}@${host}`;

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
    `  ${tunnel(address, port, user, host)}`,
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
