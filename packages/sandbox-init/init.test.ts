import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { CANARY } from "../../src/netpolicy/names.ts";
import { waitFor } from "../../testbed/wait.ts";

const here = import.meta.dirname;
const INIT = join(here, "build/opencode-init");
const dir = mkdtempSync(join(tmpdir(), "opencode-init-"));
const abi = (): number => Number(execFileSync(INIT, ["--probe"], { encoding: "utf8" }));

const started = new Set<ChildProcess>();

/** Ways to start it: as an ordinary process, and as PID 1 of a namespace (what PrivatePIDs=yes does). */
const WAYS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["ordinary", [INIT]],
  ["PID 1", ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", INIT]],
];

function run(command: readonly string[], args: readonly string[]) {
  const [file = "", ...first] = command;
  return spawnSync(file, [...first, ...args], { encoding: "utf8", timeout: 20_000 });
}

/** Starts it and waits for the first line of the program it runs. */
async function start(command: readonly string[], args: readonly string[]) {
  const [file = "", ...first] = command;
  const child = spawn(file, [...first, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  started.add(child);
  const lines = child.stdout.setEncoding("utf8")[Symbol.asyncIterator]();
  const said = await lines.next();
  return { child, said: String(said.value).trim() };
}

/** The pid, as this process sees it, of the init itself (`unshare --fork` stands in front of it). */
function initPid(child: ChildProcess): number {
  const pid = child.pid ?? 0;
  const below = execFileSync("ps", ["-o", "pid=,comm=", "--ppid", String(pid)], { encoding: "utf8" });
  const found = /(\d+) opencode-init/.exec(below)?.[1];
  return found === undefined ? pid : Number(found);
}

/** Whether any process has this argument on its command line. */
const alive = (marker: string): boolean => spawnSync("pgrep", ["-f", `^sleep ${marker}$`]).status === 0;

before(() => execFileSync("make", ["-s", "-C", here]));
after(() => {
  for (const child of started) child.kill("SIGKILL");
  rmSync(dir, { recursive: true });
});

for (const [way, command] of WAYS) {
  describe(`as ${way}`, () => {
    const script = join(dir, "no-bit");
    writeFileSync(script, "#!/bin/sh\n", { mode: 0o644 });
    const EXITS: readonly (readonly [what: string, args: readonly string[], status: number, stderr: RegExp])[] = [
      ["the program's own status", ["--", "sh", "-c", "exit 42"], 42, /^$/],
      ["success", ["--", "true"], 0, /^$/],
      ["128+N for a program ended by signal N", ["--", "sh", "-c", "kill -KILL $$"], 137, /^$/],
      [
        "127 for a name not on PATH",
        ["--", "no-such-program"],
        127,
        /^opencode-init: no-such-program: not found on PATH \(.*\)\n$/,
      ],
      ["127 for a path that is not there", ["--", "/no/such"], 127, /^opencode-init: \/no\/such: not found .*\n$/],
      [
        "126 for a file that is not executable",
        ["--", script],
        126,
        /^opencode-init: cannot execute .*: Permission denied\n$/,
      ],
      ["64 without a program", ["--"], 64, /^opencode-init: usage: .*\n$/],
      ["64 for an unknown option", ["--what", "--", "true"], 64, /^opencode-init: usage: .*\n$/],
    ];
    for (const [what, args, status, stderr] of EXITS) {
      test(`exits with ${what}`, () => {
        const result = run(command, args);
        assert.equal(result.status, status);
        assert.match(result.stderr, stderr);
      });
    }

    test("hands arguments on as they are, after the first -- only", () => {
      const result = run(command, ["--", "printf", "%s|", "a b", "--", "$HOME", ""]);
      assert.equal(result.stdout, "a b|--|$HOME||");
    });

    for (const signal of ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"]) {
      test(`passes SIG${signal} on to the whole group of the program`, async () => {
        // Given a program and a child of it that both wait for the signal
        const both = `import os,signal
signal.pthread_sigmask(signal.SIG_BLOCK,{signal.SIG${signal}})
child=os.fork()
if child: print("up",flush=True)
signal.sigwait({signal.SIG${signal}})
os._exit(os.waitstatus_to_exitcode(os.waitpid(child,0)[1]) if child else 7)`;
        const { child, said } = await start(command, ["--", "python3", "-c", both]);
        assert.equal(said, "up");
        // When init gets it, then both have got it
        process.kill(initPid(child), `SIG${signal}`);
        assert.deepEqual(await once(child, "exit"), [7, null]);
      });
    }

    test("says 143 when SIGTERM ends the program", async () => {
      const { child } = await start(command, ["--", "sh", "-c", "echo up; exec sleep 1000"]);
      process.kill(initPid(child), "SIGTERM");
      assert.deepEqual(await once(child, "exit"), [143, null]);
    });

    test("the program starts with no signal blocked and in its own process group", () => {
      const script = "grep -E '^SigBlk' /proc/self/status; ps -o pgid= -p $$; echo $$";
      const [blocked, group, pid] = run(command, ["--", "sh", "-c", script]).stdout.split("\n");
      assert.match(blocked ?? "", /^SigBlk:\s0+$/);
      assert.equal(group?.trim(), pid);
    });

    test("reaps orphans while the program runs", () => {
      // Given twenty orphans that have ended, when the program looks at its parent's children, then none is a zombie
      const script = `
        for i in $(seq 20); do sh -c 'sleep 0.01 & echo $!' >> ${dir}/pids; done
        n=0; while [ -n "$(ps -o stat= --ppid $PPID | grep -v Z | sed 1d)" ] && [ $n -lt 200 ]; do n=$((n+1)); sleep 0.05; done
        ps -o stat= --ppid $PPID | grep -c Z`;
      assert.equal(run(command, ["--", "sh", "-c", script]).stdout, "0\n");
    });

    test("kills what is left when the program ends, however it hid", async () => {
      const marker = `2${process.pid}${way.length}`;
      const hide = `(setsid sh -c '(setsid sleep ${marker} &) ; sleep ${marker}' >/dev/null 2>&1 &)
        n=0; until [ "$(pgrep -fc '^sleep ${marker}$')" = 2 ] || [ $n -ge 500 ]; do n=$((n+1)); sleep 0.02; done
        [ $n -lt 500 ] && exit 5`;
      assert.equal(run(command, ["--", "sh", "-c", hide]).status, 5);
      assert.equal(alive(marker), false);
    });

    test("of the newest system calls those that are listed are left as they are, and no other is there", () => {
      // Given arguments that no call takes: each that is there says so by another error than ENOSYS (38)
      const call = `import ctypes,os
libc=ctypes.CDLL(None,use_errno=True)
for n in range(440,512): print(n,ctypes.get_errno() if libc.syscall(n,-1,-1,-1,-1,-1,-1)<0 else 0)`;
      const missing = (said: string): number[] =>
        said.split("\n").flatMap((line) => (line.endsWith(" 38") ? [Number.parseInt(line, 10)] : []));
      const outside = missing(run(["python3"], ["-c", call]).stdout);
      const listed = [452, 457, 458, 459, 461, 462, 463, 464, 465, 466];
      const hidden = Array.from({ length: 512 - 450 }, (_, index) => 450 + index).filter((n) => !listed.includes(n));
      // When made under init, then what was missing still is, and all that is newer and not listed
      const inside = missing(run(command, ["--", "python3", "-c", call]).stdout);
      assert.deepEqual(
        inside,
        [...new Set([...outside, ...hidden])].sort((a, b) => a - b),
      );
    });

    test("a canary is sent at the start, and for each SIGURG, which the program does not see", async () => {
      const heard: number[] = [];
      const socket = createSocket("udp4", (data) => heard.push(data.length)).bind(CANARY.port, CANARY.address);
      await once(socket, "listening");
      const { child } = await start(command, ["--", "sh", "-c", "trap 'exit 9' URG; echo up; exec sleep 1000"]);
      await waitFor("the first", () => heard.length === 1);
      for (const count of [2, 3]) {
        process.kill(initPid(child), "SIGURG");
        await waitFor("one more", () => heard.length === count);
      }
      assert.equal(child.exitCode, null);
      process.kill(initPid(child), "SIGTERM");
      await once(child, "exit");
      socket.close();
    });

    test("outside abstract sockets and processes are out of reach with --landlock-scopes, and only then", async (t) => {
      if (abi() < 6) return t.diagnostic("this kernel has no Landlock scopes: see the refusal below");
      // Given a listener on an abstract socket, outside
      const name = `opencode-init-test-${process.pid}-${way.length}`;
      const listen = `import socket,signal
s=socket.socket(socket.AF_UNIX); s.bind("\\0${name}"); s.listen(9); print("up",flush=True); signal.pause()`;
      const { child: outside } = await start(["python3"], ["-c", listen]);
      const connect = `import socket,sys
s=socket.socket(socket.AF_UNIX)
try: s.connect("\\0${name}"); print("connected")
except OSError as e: print(e.errno)
i=socket.socket(socket.AF_UNIX); i.bind("\\0${name}-own"); i.listen(1); socket.socket(socket.AF_UNIX).connect("\\0${name}-own"); print("own")`;
      const wanted: Record<string, string> = { "--landlock-scopes": "1\nown\n", "": "connected\nown\n" };
      for (const [option, said] of Object.entries(wanted)) {
        const args = [...(option === "" ? [] : [option]), "--", "python3", "-c", connect];
        assert.equal(run(command, args).stdout, said);
      }
      if (way === "ordinary") {
        const kill = `kill -0 ${outside.pid}`;
        assert.equal(run(command, ["--", "sh", "-c", kill]).status, 0);
        assert.notEqual(run(command, ["--landlock-scopes", "--", "sh", "-c", kill]).status, 0);
      }
      outside.kill();
      await once(outside, "exit");
    });

    test("signals still reach the program with --landlock-scopes", async (t) => {
      if (abi() < 6) return t.diagnostic("this kernel has no Landlock scopes");
      const { child } = await start(command, ["--landlock-scopes", "--", "sh", "-c", "echo up; exec sleep 1000"]);
      process.kill(initPid(child), "SIGTERM");
      assert.deepEqual(await once(child, "exit"), [143, null]);
    });
  });
}

test("--probe prints the Landlock ABI as a number", () => {
  assert.match(execFileSync(INIT, ["--probe"], { encoding: "utf8" }), /^\d+\n$/);
});

test("refuses with 71 when the scopes cannot be had, and runs nothing", () => {
  // Given a seccomp filter that makes every Landlock call fail with ENOSYS, as an old kernel does
  const python = `import ctypes,os,struct,sys
libc=ctypes.CDLL(None,use_errno=True)
f=lambda c,jt,jf,k: struct.pack("HBBI",c,jt,jf,k)
prog=f(0x20,0,0,0)+f(0x15,0,1,444)+f(0x06,0,0,0x00050000|38)+f(0x06,0,0,0x7fff0000)
buf=ctypes.create_string_buffer(prog); fp=struct.pack("HxxxxxxP",4,ctypes.addressof(buf)); fb=ctypes.create_string_buffer(fp)
assert libc.prctl(38,1,0,0,0)==0 and libc.prctl(22,2,fb,0,0)==0
os.execv(sys.argv[1],sys.argv[1:])`;
  const result = run(["python3", "-c", python, INIT], ["--landlock-scopes", "--", "echo", "ran"]);
  assert.equal(result.status, 71);
  assert.equal(result.stdout, "");
  assert.match(result.stderr, /^opencode-init: Landlock scopes need ABI 6 \(Linux 6\.12\), here it is 0; .*\n$/);
});
