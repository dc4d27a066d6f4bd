/** What a {@link Peer} and its process (peer-main.ts) say to each other over the IPC channel. */

export interface PeerRequest {
  readonly id: string;
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  /** The one address to bind; every address, v4 and v6, when left out. */
  readonly address?: string;
}

export interface Received {
  readonly kind: "received";
  readonly protocol: "tcp" | "udp";
  /** The port it came to. */
  readonly port: number;
  /** Where it came from. */
  readonly from: { readonly address: string; readonly port: number };
  /** The datagram, or the first bytes on the connection; empty when the connection carried none. */
  readonly data: string;
}

export type PeerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "listening"; readonly id: string }
  | { readonly kind: "refused"; readonly id: string; readonly why: string }
  | Received;

const KINDS = new Set(["ready", "listening", "refused", "received"]);
const kindOf = (message: unknown): unknown =>
  typeof message === "object" && message !== null && "kind" in message ? message.kind : undefined;

export const isPeerMessage = (message: unknown): message is PeerMessage => KINDS.has(String(kindOf(message)));
export const isPeerRequest = (message: unknown): message is PeerRequest =>
  typeof message === "object" && message !== null && "protocol" in message && "port" in message && "id" in message;
