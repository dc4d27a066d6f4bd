/** The optional listener on loopback, for Prometheus: what the status socket answers, for who has the token. Off by default. */
import { isIPv4, isIPv6 } from "node:net";
import { readText } from "../host/files.ts";
import { badToken } from "./token.ts";

export interface TcpListener {
  readonly host: string;
  readonly port: number;
  readonly token: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `OPENCODE_SUPERVISOR_LISTEN=127.0.0.1:9464` and the credential `api-token` (LoadCredential=, systemd.exec(5)); null when not
 * asked for. Throws when it is asked for and cannot be: never anything but loopback, never without a token.
 */
export async function tcpListener(env: Environment): Promise<TcpListener | null> {
  const wanted = env.OPENCODE_SUPERVISOR_LISTEN;
  if (wanted === undefined || wanted === "") return null;
  const { host, port } = addressOf(wanted);
  const token = readText(`${env.CREDENTIALS_DIRECTORY ?? "/nowhere"}/api-token`)?.trim();
  if (token === undefined)
    throw new Error("OPENCODE_SUPERVISOR_LISTEN is set without a token; write LoadCredential=api-token:/path/to/file");
  const why = badToken(token);
  if (why !== null) throw new Error(`the credential api-token: ${why}`);
  return { host, port, token };
}

/** Loopback and a port; anything else throws. */
export function addressOf(text: string): { host: string; port: number } {
  const [, bracketed, plain, digits = ""] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? "";
  const port = Number(digits);
  const isLoopback = (isIPv4(host) && host.startsWith("127.")) || (isIPv6(host) && host === "::1");
  if (isLoopback && port >= 1 && port <= 65535) return { host, port };
  throw new Error(`OPENCODE_SUPERVISOR_LISTEN=${text}: write a loopback address and a port, such as 127.0.0.1:9464`);
}
