/** Which addresses the page is served on and asked by: loopback, by its own names. Pure. */
import { isIPv4, isIPv6 } from "node:net";

/** Whether to listen there: 127.0.0.0/8 and ::1, as addresses; a name could be pointed elsewhere. */
export const isLoopback = (address: string): boolean =>
  (isIPv4(address) && address.startsWith("127.")) || (isIPv6(address) && address === "::1");

/**
 * Whether a `Host` header names loopback: what a page of another name has brought a browser to (DNS rebinding) does not. Any
 * port: behind `ssh -L` it is the port of the other end.
 */
export function isOurHost(header: string | undefined): boolean {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:]+)\]|([^:]+))(?::\d{1,5})?$/i.exec(header ?? "") ?? [];
  const host = (bracketed ?? plain ?? "").toLowerCase();
  return host === "localhost" || isLoopback(host);
}

/** Whether the browser says that another site, or another port's page, asks (Fetch Metadata, `Sec-Fetch-Site`). */
export const isFromElsewhere = (site: string | string[] | undefined): boolean =>
  site !== undefined && site !== "same-origin" && site !== "none";

/** `http://127.0.0.1:8123`, `http://[::1]:8123` */
export const originOf = (address: string, port: number): string =>
  `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
