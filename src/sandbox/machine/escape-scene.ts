/** The scene of the escape matrix: a machine full of things that an instance could be after, and a way to make attempts. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../../../testbed/network.ts";
import { Peer } from "../../../testbed/peer.ts";
import type { Suite } from "../../../testbed/suites.ts";
import { type Fields, light, Supervised } from "../../daemon/machine/testing.ts";
import { defaultStateDir } from "../../spec/names.ts";
import type { Case } from "./escape-cases.ts";

const PROBE = "/usr/local/bin/probe";
const TOOL = "/usr/local/bin/probe-suid";
const FORBIDDEN = "192.0.2.200";

/** A Python program that listens on an abstract socket and hands what `descriptor` makes to whoever comes. */
const passing = (name: string, descriptor: string): string => `
import socket
there = ${descriptor}
s = socket.socket(socket.AF_UNIX)
s.bind("\\0${name}")
s.listen(9)
while True:
    c, _ = s.accept()
    socket.send_fds(c, [b"!"], [there.fileno()])
`;
/** A connection to where the isolated one may not go; its other end has said `hello`. */
const CONNECTION = `socket.create_connection(("${FORBIDDEN}", 443))`;

const BYSTANDERS = `
  echo secret | tee /tmp/theirs /dev/shm/theirs /root/.secret >/dev/null
  install -d -m 777 /srv/other /home/u/.ssh /nix/var/nix/daemon-socket; echo secret >/home/u/.ssh/id
  serve() { systemd-run -q --unit="$1" "\${@:2}"; }
  serve nix socat UNIX-LISTEN:/nix/var/nix/daemon-socket/socket,fork,mode=666 EXEC:cat
  serve docker socat UNIX-LISTEN:/run/docker.sock,fork,mode=666 EXEC:cat
  serve abstract socat ABSTRACT-LISTEN:theirs,fork EXEC:cat
  serve abstract-datagram socat -u ABSTRACT-RECV:theirs-datagram OPEN:/dev/null
  serve passing python3 /srv/passing.py
  serve database socat TCP4-LISTEN:5432,fork,reuseaddr EXEC:cat
  serve database6 socat TCP6-LISTEN:5432,fork,reuseaddr,ipv6only EXEC:cat
  serve udp socat UDP4-LISTEN:5353,fork EXEC:cat
  serve same-user -p User=opencode-a sleep infinity
  echo 'syscall add_key "user" "escape-matrix" "x" 1 -4' >/srv/key
  ${PROBE} </srv/key
  systemd-run -q --wait -p User=opencode-a -p StandardInput=file:/srv/key ${PROBE}
  printf 'syscall shmget 4711 4096 0x3ff\\nsyscall mq_open "theirs" 0x42 0x1ff 0\\n' | ${PROBE}`;

const SIBLING = light("b", 7002, {
  command: ["python3", "/srv/b/main.py"],
  postInitScript: "echo secret | tee ~/secret /srv/b/secret >/tmp/theirs",
});

/** Feeds a file of attempts to the probe; its answers are at `to`, whole, once that is there. */
const run = (to: string): string => `${PROBE} </srv/a/cases >/srv/a/.${to}; mv /srv/a/.${to} /srv/a/${to}`;
const text = (cases: readonly Case[]): string => `${cases.map(({ attempt }) => attempt).join("\n")}\n`;
const lines = (answers: string): string[] => answers.trim().split("\n");

export class EscapeScene implements AsyncDisposable {
  readonly host: Supervised;
  readonly #peer: Peer;

  private constructor(host: Supervised, peer: Peer) {
    this.host = host;
    this.#peer = peer;
  }

  /** Everything is there but the instances that make attempts. */
  static async up(suite?: Suite): Promise<EscapeScene> {
    const host = await Supervised.up("escape", undefined, suite);
    const peer = await Peer.up("forbidden");
    const scene = new EscapeScene(host, peer);
    try {
      await scene.#network();
      await scene.#things();
      return scene;
    } catch (error) {
      await scene.down();
      throw error;
    }
  }

  async down(): Promise<void> {
    await this.#peer.down();
    await this.host.down();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  async #network(): Promise<void> {
    const here = ["192.0.2.1/24", "2001:db8::1/64", "169.254.1.1/16"];
    const there = [`${FORBIDDEN}/24`, "2001:db8::200/64", "169.254.169.254/16"];
    await connect(this.host.machine, this.#peer, { addresses: [here, there] });
    for (const port of [443, 80]) await this.#peer.listen({ protocol: "tcp", port });
    for (const port of [53, 5353]) await this.#peer.listen({ protocol: "udp", port });
  }

  async #things(): Promise<void> {
    const { machine } = this.host;
    const directory = mkdtempSync(join(tmpdir(), "probe-"));
    const built = join(directory, "probe");
    const flags = ["-O1", "-static", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"];
    execFileSync("cc", [...flags, "-o", built, join(import.meta.dirname, "probe.c")]);
    await machine.copyIn(built, PROBE, 0o755);
    await machine.copyIn(built, TOOL, 0o4755);
    rmSync(directory, { recursive: true });
    await this.host.projects({ a: {}, b: {}, c: {} });
    await machine.writeFile("/srv/passing.py", passing("theirs-passing", CONNECTION));
    const server = '\nserver = socket.create_server(("127.0.0.1", 7002))\n';
    await machine.writeFile("/srv/b/main.py", passing("freer", CONNECTION).replace("\n", `\nimport socket${server}`));
    await machine.writeFile("/srv/a/own.py", passing("isolated", "s = socket.socket()"));
    await machine.sh(BYSTANDERS);
    await this.host.write({ b: SIBLING });
    await this.host.systemctl("start", "opencode.target");
    for (const name of ["theirs", "theirs-datagram", "theirs-passing", "freer"]) await this.abstractSocket(name);
  }

  /** Resolves when somebody listens on an abstract socket of this name. */
  async abstractSocket(name: string): Promise<void> {
    await this.host.machine.waitFor(`@${name}`, async () =>
      (await this.host.machine.readFile("/proc/net/unix")).includes(` @${name}\n`),
    );
  }

  /** The cases with what they name filled in. */
  async filled(cases: readonly Case[]): Promise<Case[]> {
    const [sibling] = await this.host.pids("b");
    const process = await this.host.show("same-user.service", "MainPID");
    const names = { $PID: process, $SIBLING: String(sibling), $TOOL: TOOL, $A: defaultStateDir("a") };
    const fill = (attempt: string) =>
      Object.entries(names).reduce((filled, [name, value]) => filled.replaceAll(name, value), attempt);
    return cases.map((each) => ({ ...each, attempt: fill(each.attempt) }));
  }

  /** Starts an isolated instance that makes the attempts in setup's hook and in the place of its server, then listens. */
  async inside(cases: readonly Case[]): Promise<{ setup: string[]; main: string[] }> {
    const { machine } = this.host;
    await machine.writeFile("/srv/a/cases", text(cases));
    const instance = light("a", 7001, {
      command: ["/bin/sh", "-c", `${run("main")}; exec python3 /srv/a/own.py`],
      postInitScript: run("setup"),
      limits: { tasksMax: 64 },
      networkIsolation: { enable: true, outboundAllowCidrs: ["192.0.2.0/25"] },
    });
    await this.#with({ a: instance });
    const read = (unit: string) => machine.waitFor(`the attempts in ${unit}`, () => machine.readFile(`/srv/a/${unit}`));
    return { setup: lines(await read("setup")), main: lines(await read("main")) };
  }

  /** What an instance without isolation gets for one attempt. */
  async asFreer(attempt: string): Promise<string> {
    const { machine } = this.host;
    const command = ["/bin/sh", "-c", `echo '${attempt}' | ${PROBE} >.said; mv .said said; exec sleep infinity`];
    await this.#with({ c: light("c", 7003, { command }) });
    return await machine.waitFor("the attempt of c", async () => (await machine.readFile("/srv/c/said")).trim());
  }

  #instances: Record<string, Fields> = { b: SIBLING };
  async #with(more: Record<string, Fields>): Promise<void> {
    this.#instances = { ...this.#instances, ...more };
    await this.host.write(this.#instances);
  }

  /** The same attempts by root, in a unit without any sandbox; its mounts are its own, as some attempts change them. */
  async outside(cases: readonly Case[]): Promise<string[]> {
    const properties = ["PrivateMounts=yes", "LimitCORE=infinity", "WorkingDirectory=/tmp"].flatMap((each) => [
      "-p",
      each,
    ]);
    const unit = ["systemd-run", "-q", "--pipe", "--wait", ...properties, "--", "sh", "-c"];
    return lines(
      (await this.host.machine.exec([...unit, `exec ${PROBE} 9</etc/passwd`], { input: text(cases) })).stdout,
    );
  }
}
