/** The process of a peer: peer.ts starts it in a network namespace of its own. It ends when its maker does. */
import { createSocket } from "node:dgram";
import { createServer, type Socket } from "node:net";
import { isPeerRequest, type PeerMessage, type PeerRequest } from "./peer-messages.ts";

const say = (message: PeerMessage): void => {
  if (process.connected) process.send?.(message);
};

/** Told once per connection: with the first bytes it carried, or at its end when it carried none. */
function record(socket: Socket, port: number): void {
  const from = { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
  let told = false;
  const tell = (data: string): void => {
    if (!told) say({ kind: "received", protocol: "tcp", port, from, data });
    told = true;
  };
  socket.on("data", (data) => {
    tell(data.toString("utf8"));
    socket.write(data);
  });
  socket.on("close", () => tell(""));
  socket.on("error", () => {}); // a reset ends it as a close does
  socket.write("hello\n");
}

function listenTcp({ id, port, address }: PeerRequest): void {
  const server = createServer((socket) => record(socket, port));
  server.once("error", (error) => say({ kind: "refused", id, why: error.message }));
  server.listen(port, address, () => say({ kind: "listening", id }));
}

function listenUdp({ id, port, address }: PeerRequest): void {
  const socket = createSocket(address === undefined || address.includes(":") ? "udp6" : "udp4");
  socket.on("message", (data, from) => {
    say({ kind: "received", protocol: "udp", port, from, data: data.toString("utf8") });
    socket.send(data, from.port, from.address);
  });
  socket.on("error", (error) => say({ kind: "refused", id, why: error.message }));
  socket.bind(port, address, () => say({ kind: "listening", id }));
}

process.on("disconnect", () => process.exit());
process.on("message", (request: unknown) => {
  if (!isPeerRequest(request)) return;
  if (request.protocol === "tcp") listenTcp(request);
  else listenUdp(request);
});
say({ kind: "ready" });
