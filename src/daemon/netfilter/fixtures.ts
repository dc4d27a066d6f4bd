/** What the machine tests run inside the machine: texts of ES modules for `node --eval`. */
import { INSTALLED } from "../../../testbed/host.ts";

/** In the machine: an adapter that does what it is told, a line of JSON at a time. */
export const DRIVER = `
import { createInterface } from "node:readline";
import { LibnftablesNetfilter } from "${INSTALLED}/src/daemon/netfilter/libnftables.ts";
const netfilter = await LibnftablesNetfilter.open();
console.log(process.pid);
for await (const line of createInterface(process.stdin)) {
  const [method, argument] = JSON.parse(line, (key, value) => (key === "cgroupId" ? BigInt(value) : value));
  const answer = await netfilter[method](argument).catch((error) => ({ code: error.code, message: error.message }));
  console.log(JSON.stringify(answer instanceof Map ? [...answer] : (answer ?? null)));
}`;

/** Says of `PROTOCOL ADDRESS PORT [LOCAL-ADDRESS]` "ok" or the error's code. */
const TRIES = `
import { createSocket } from "node:dgram"; import { connect } from "node:net";
const LIMIT = 4000;
const tcp = (host, port, localAddress) => new Promise((done) => {
  const socket = connect({ host, port: Number(port), localAddress }, () => { socket.destroy(); done("ok"); });
  socket.on("error", (error) => done(error.code)).setTimeout(LIMIT, () => { socket.destroy(); done("silence"); });
});
const udp = (host, port, local) => new Promise((done) => {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const end = (what) => { clearTimeout(timer); socket.close(); done(what); };
  const timer = setTimeout(() => end("silence"), LIMIT);
  socket.on("message", () => end("ok")).on("error", (error) => end(error.code));
  socket.bind(0, local, () =>
    socket.connect(Number(port), host, () => socket.send("x", (error) => error && end(error.code))),
  );
});
const attempt = (target) => { const [protocol, ...rest] = target.split(" "); return { tcp, udp }[protocol](...rest); };`;

/** Tries what it is told to, one after the other; a line for each. */
export const PROBE = `${TRIES}
for (const target of process.argv.slice(1)) console.log(await attempt(target));`;

/** A server that tries what it is asked to: `GET /["tcp 192.0.2.2 80"]`, at the port it is given. It says it is healthy. */
export const PROBE_SERVER = `${TRIES}
import { createServer } from "node:http";
createServer(async (request, response) => {
  if (!request.url.startsWith("/%5B")) return response.end('{"healthy":true}');
  const said = [];
  for (const target of JSON.parse(decodeURIComponent(request.url.slice(1)))) said.push(await attempt(target));
  response.end(JSON.stringify(said));
}).listen(Number(process.argv[2]), "127.0.0.1");`;

/** Never stops trying to get out by UDP and TCP: to each of `ADDRESS PORT`, every few milliseconds. */
export const ESCAPER = `
import { createSocket } from "node:dgram"; import { connect } from "node:net";
const targets = process.argv.slice(2).map((target) => target.split(" "));
const sockets = { 4: createSocket("udp4"), 6: createSocket("udp6") };
for (const socket of Object.values(sockets)) socket.on("error", () => {});
setInterval(() => {
  for (const [host, port] of targets) {
    sockets[host.includes(":") ? 6 : 4].send("x", Number(port), host, () => {});
    const call = connect(Number(port), host, () => call.end("x"));
    call.on("error", () => {}).setTimeout(500, () => call.destroy());
  }
}, 5);`;

/** Listens on TCP and UDP, v4 and v6; prints datagrams and sends them back. */
export const LISTENER = `
import { createSocket } from "node:dgram"; import { createServer } from "node:net";
const port = Number(process.argv[1]);
createServer((socket) => socket.on("error", () => {}).resume()).listen(port, "::", () => {
  const socket = createSocket("udp6").bind(port, "::", () => console.log("listening"));
  socket.on("message", (data, from) => {
    console.log(data.toString());
    socket.send(data, from.port, from.address);
  });
});`;

/** Prints what comes, answers, and closes each connection first, so that its end stays in TIME_WAIT. */
export const CLOSER = `
import { createServer } from "node:net";
createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => {}).on("data", (data) => { console.log(data.toString()); socket.end("hello"); });
}).listen(Number(process.argv[1]), "127.0.0.1", () => console.log("listening"));`;

/**
 * Perl: connects from one port of 127.0.0.1 to another and sends "secret" with the last packet of the handshake
 * (TCP_DEFER_ACCEPT is 9); says what it heard.
 */
export const CALLER = `use Socket;
my ($own, $port) = @ARGV;
socket(my $s, AF_INET, SOCK_STREAM, 0) or die $!;
bind($s, pack_sockaddr_in($own, inet_aton("127.0.0.1"))) or die $!;
setsockopt($s, 6, 9, pack("l", 5)) or die $!;
my $there = connect($s, pack_sockaddr_in($port, inet_aton("127.0.0.1"))) && syswrite($s, "secret");
my $heard = "";
1 while $there && sysread($s, $heard, 100, length $heard);
print $heard eq "" ? "nothing" : $heard, "\\n";`;

/** Sends a datagram to a broadcast address. */
export const BROADCAST = `
import { createSocket } from "node:dgram";
const [host, port, text] = process.argv.slice(1);
const socket = createSocket("udp4").bind(() => {
  socket.setBroadcast(true);
  socket.send(text, Number(port), host, () => socket.close());
});`;

/** Sends a datagram to each group or broadcast address by the interface with the first address; says "ok" or the error's code. */
export const TO_ALL = `
import { createSocket } from "node:dgram";
const [own, port, ...targets] = process.argv.slice(1);
for (const target of targets) {
  const isV6 = target.includes(":");
  const socket = createSocket(isV6 ? "udp6" : "udp4");
  await new Promise((done) => socket.bind(done));
  if (!isV6) { socket.setBroadcast(true); socket.setMulticastInterface(own); }
  console.log(await new Promise((done) => socket.send("x", Number(port), target, (error) => done(error?.code ?? "ok"))));
  socket.close();
}`;

/** Perl: sends an echo request (ICMP type 8, ICMPv6 type 128) from a raw socket to each address; says "ok" or the error. */
export const PING = `use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);
for my $to (@ARGV) {
  my $six = $to =~ /:/;
  socket(my $s, $six ? AF_INET6 : AF_INET, SOCK_RAW, $six ? 58 : 1) or die $!;
  my $at = $six ? pack_sockaddr_in6(0, inet_pton(AF_INET6, $to)) : pack_sockaddr_in(0, inet_aton($to));
  print send($s, $six ? pack("C2n3", 128, 0, 0, 1, 1) : pack("C2n3", 8, 0, 0xf7fd, 1, 1), 0, $at) ? "ok" : "refused", "\\n";
}`;

/**
 * Perl, as a user who may nothing: two ends of a ping, by ICMP sockets with the same identifier (net.ipv4.ping_group_range).
 * `hear` says what the answer to somebody's echo request held, `ADDRESS` sends one when there is a line to read.
 */
export const ECHO = `use Socket; $| = 1;
my ($to) = @ARGV;
$) = "65534 65534"; $> = 65534;
socket(my $s, AF_INET, SOCK_DGRAM, 1) or die $!;
setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1) and bind($s, pack_sockaddr_in(77, INADDR_ANY)) or die $!;
print "bound\\n";
if ($to ne "hear") { <STDIN>; send($s, pack("C2n3", 8, 0, 0, 77, 1) . "secret", 0, pack_sockaddr_in(0, inet_aton($to))); exit }
vec(my $ready = "", fileno($s), 1) = 1;
my $answer = " " x 8 . "nothing";
recv($s, $answer, 100, 0) if select($ready, undef, undef, 3) > 0;
print "heard ", substr($answer, 8), "\\n";`;

/**
 * Perl, as a user who may nothing: sends a datagram to each address from a socket that is bound to the interface
 * (SO_BINDTODEVICE is 25); says "ok" or "refused". `INTERFACE PORT ADDRESS…`.
 */
export const BOUND = `use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);
my ($interface, $port, @addresses) = @ARGV;
$> = 65534;
for my $to (@addresses) {
  my $six = $to =~ /:/;
  socket(my $s, $six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0) or die $!;
  setsockopt($s, SOL_SOCKET, 25, "$interface\\0") or die $!;
  my $at = $six ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $to)) : pack_sockaddr_in($port, inet_aton($to));
  print defined send($s, "x", 0, $at) ? "ok" : "refused", "\\n";
}`;

/** Perl: `ADDRESS PORT COUNT PER-SECOND`: sends so many datagrams, evenly; says how many were refused to its face. */
export const FLOOD = `use Socket; use Time::HiRes qw(time sleep);
my ($address, $port, $count, $rate) = @ARGV;
my $to = pack_sockaddr_in($port, inet_aton($address));
socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!;
my ($start, $refused) = (time, 0);
for my $sent (1 .. $count) {
  defined send($s, "x", 0, $to) or $refused++;
  next if $sent % 100;
  my $early = $sent / $rate - (time - $start);
  sleep $early if $early > 0;
}
print "$refused\\n";`;

/**
 * Perl: `SIDE ROUNDS`: opens SIDE × SIDE flows on loopback between its own ports, each with answers, so that the connection
 * table keeps them when it is full.
 */
export const FILL = `use Socket;
my ($side, $rounds) = @ARGV;
my (@sockets, @names);
for my $end (0, 1) {
  for my $nth (0 .. $side - 1) {
    my $name = pack_sockaddr_in(10000 + 20000 * $end + $nth, inet_aton("127.0.0.1"));
    socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!;
    bind($s, $name) or die $!;
    ($sockets[$end][$nth], $names[$end][$nth]) = ($s, $name);
  }
}
for (1 .. $rounds) {
  for my $end (0, 1) {
    for my $i (0 .. $side - 1) {
      send($sockets[$end][$i], "x", 0, $_) for @{$names[1 - $end]};
    }
  }
}`;

/** Perl: sends a datagram to `COUNT` ports of `ADDRESS`; says how many were refused to its face. */
export const EACH_PORT = `use Socket;
my ($address, $count) = @ARGV;
socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!;
my $refused = grep { !defined send($s, "x", 0, pack_sockaddr_in(40000 + $_, inet_aton($address))) } 1 .. $count;
print "$refused\\n";`;

/** Keeps a connection busy; prints "open", then how it ended. */
export const HOLDER = `
import { connect } from "node:net";
const socket = connect({ host: process.argv[1], port: Number(process.argv[2]) }, () => console.log("open"));
const timer = setInterval(() => socket.write("x"), 20);
socket.resume().on("error", (error) => { clearInterval(timer); console.log(error.code); });`;

/** Sends datagrams from one port of 127.0.0.1 to another for a while, and connects; says whether anything came. */
export const RENDEZVOUS = `
import { createSocket } from "node:dgram"; import { connect } from "node:net";
const [own, other] = process.argv.slice(1).map(Number);
let heard = "nothing";
const socket = createSocket("udp4").bind(own, "127.0.0.1");
socket.on("message", () => { heard = "a datagram"; }).on("error", () => {});
const tries = setInterval(() => {
  socket.send("x", other, "127.0.0.1", () => {});
  const call = connect({ port: other, host: "127.0.0.1", localPort: own, localAddress: "127.0.0.1" }, () => { heard = "a connection"; });
  call.on("error", () => {});
}, 20);
setTimeout(() => { clearInterval(tries); console.log("heard " + heard); process.exit(); }, 3000);`;
