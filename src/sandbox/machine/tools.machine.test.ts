/** What agents work with: a real session in the default sandbox, and the tools that need a relaxation (docs/sandbox.md). */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { agentTurn, type Turn } from "../../../testbed/agent-turn.ts";
import { INSTALLED } from "../../../testbed/host.ts";
import { Machine } from "../../../testbed/machine.ts";
import * as scene from "../../../testbed/two-projects.ts";
import { Supervised, scripted } from "../../daemon/machine/testing.ts";

/** Commands of the agent's bash tool, in the project of somebody else's, and what they have to say. */
const COMMANDS: readonly (readonly [what: string, command: string, says: RegExp])[] = [
  ["the project is somebody else's", "stat -c %U . && id -un", /^nobody\nopencode-project-a/],
  ["git: status", "git status --short --branch", /^## (main|master)/],
  [
    "git: commit and branch",
    "git switch -qc work && echo more >more && git add -A && git commit -qm work && git log --oneline",
    /work\n.*first/,
  ],
  [
    "git: a clone and a push to it",
    "git config --global --add safe.directory '*' && git clone -q --bare . /tmp/bare && git push -q /tmp/bare work && git -C /tmp/bare log -1 --format=%s",
    /^work/,
  ],
  ["ripgrep", "rg --line-number needle", /haystack\.txt:2:needle/],
  [
    "node",
    "node -e 'console.log(JSON.stringify({pid: process.pid > 0, threads: require(\"os\").availableParallelism() > 0}))'",
    /"pid":true,"threads":true/,
  ],
  [
    "node: workers and wasm",
    'node -e \'const {Worker}=require("worker_threads"); new Worker("console.log(typeof WebAssembly.Module)",{eval:true})\'',
    /^function/,
  ],
  [
    "python",
    'python3 -c \'import json,os,subprocess; print(json.dumps(subprocess.check_output(["echo","hi"]).decode()))\'',
    /"hi\\n"/,
  ],
  [
    "a dev server on its own port",
    'node -e \'require("http").createServer((_,to)=>to.end("served")).listen(3000)\' >/dev/null 2>&1 & until curl -s http://127.0.0.1:3000; do sleep 0.1; done; kill %1',
    /served/,
  ],
  [
    "the same over IPv6 and by name",
    'node -e \'require("http").createServer((_,to)=>to.end("served")).listen(3001,"::1")\' >/dev/null 2>&1 & until curl -s http://localhost:3001; do sleep 0.1; done; kill %1',
    /served/,
  ],
  [
    "a build in /tmp",
    `D=$(mktemp -d); echo 'export const n: number = 42; console.log(n)' > $D/a.ts && ${INSTALLED}/node_modules/.bin/tsc --outDir $D --types "" $D/a.ts; node $D/a.js; echo $D/a.js`,
    /^42\n\/tmp\/.*a\.js/m,
  ],
  ["a program it made", "printf '#!/bin/sh\\necho ran' > run && chmod +x run && ./run", /^ran/],
  ["a terminal", "python3 -c 'import os; print(len(os.openpty()))'", /^2/],
  [
    "pipes, sockets and locks of its own",
    "D=$(mktemp -d); mkfifo $D/p; (echo through >$D/p &) ; python3 -c \"print(open('$D/p').read(), end='')\"; flock $D/lock echo locked; (socat UNIX-LISTEN:$D/s EXEC:cat >/dev/null 2>&1 & until [ -S $D/s ]; do :; done; echo sent | socat - UNIX-CONNECT:$D/s)",
    /through\nlocked\nsent/,
  ],
  ["many processes", "for i in $(seq 100); do true & done; wait; echo all", /^all/],
  ["limits lowered", "ulimit -n 64 && ulimit -n", /^64/],
  ["what it started is its to end", "sleep 1000 & kill $!; wait $!; echo $?", /^143/],
];

describe("a real session in the default sandbox", () => {
  let machine: Machine;
  let turn: Turn;

  before(async () => {
    machine = await Machine.up({ name: "tools" });
    await machine.install();
    await scene.startModel(machine);
    await scene.writeProjects(machine);
    await machine.sh(`useradd --create-home owner; cd /srv/project-a; chown root: .; printf 'hay\\nneedle\\n' >haystack.txt; echo 'hello wrold' >greeting.txt
      git init -q -b main; git add -A; git -c user.name=owner -c user.email=owner@example.org commit -qm first
      chown -R owner:owner .; chmod -R a+rwX .`);
    await machine.exec(["systemctl", "start", "opencode.target"]);
    await scene.waitUntilReady(machine);
    const identity = "git config --global user.name agent; git config --global user.email agent@example.org";
    const prompt = [
      scene.bash(identity),
      ...COMMANDS.map(([, command]) => scene.bash(command)),
      'edit {"filePath":"/srv/project-a/greeting.txt","oldString":"wrold","newString":"world"}',
    ];
    turn = await agentTurn({ ask: scene.asker(machine, "project-a"), prompt: prompt.join("\n") });
  });
  after(async () => {
    await machine?.down();
  });

  for (const [index, [what, , says]] of COMMANDS.entries()) {
    it(what, () => {
      const use = turn.tools[index + 1];
      assert.equal(use?.status, "completed", use?.output);
      assert.match(use.output, says);
    });
  }

  it("edit", async () => {
    assert.equal(turn.tools.at(-1)?.status, "completed");
    assert.equal(await machine.readFile("/srv/project-a/greeting.txt"), "hello world\n");
    assert.match(turn.text, /^Done: /);
  });
});

/** What does not work, how it says so, and the directives of `sandbox.serviceConfig` with which it does. */
const RELAXED: readonly (readonly [
  what: string,
  command: string,
  fails: RegExp,
  directives: Record<string, string>,
  works: RegExp,
])[] = [
  [
    "network interfaces are listed (`vite --host`, `next dev`, `ip`)",
    "node -p 'Object.keys(require(\"os\").networkInterfaces())' 2>&1",
    /ERR_SYSTEM_ERROR/,
    { RestrictAddressFamilies: "AF_NETLINK" },
    /lo/,
  ],
  [
    "a debugger, strace",
    "strace -o /dev/null true 2>&1 && echo traced",
    /not permitted/,
    { SystemCallFilter: "@debug" },
    /^traced/,
  ],
  [
    "free, top, uptime, os.cpus()",
    "node -p 'require(\"os\").cpus().length > 0'; free 2>&1 | head -2",
    /^false\n.*(proc|meminfo)/i,
    { ProcSubset: "all" },
    /^true\n.*total/,
  ],
  [
    "nice, taskset",
    "nice -n 5 true 2>&1; taskset -c 0 true 2>&1 && echo set",
    /cannot set niceness(.|\n)*not permitted/,
    { SystemCallFilter: "@resources" },
    /^set/,
  ],
  [
    "containers and the browsers' own sandbox: user namespaces",
    "unshare --user true 2>&1 && echo made",
    /not permitted/,
    { RestrictNamespaces: "no", SystemCallFilter: "unshare" },
    /^made/,
  ],
  ["core dumps", "ulimit -c", /^0$/m, { LimitCORE: "infinity" }, /^unlimited/],
];

describe("a tool that needs more", () => {
  let host: Supervised;
  before(async () => {
    const script = (index: number) => `{ ${RELAXED[index]?.[1]}; } >.said 2>&1; mv .said said; exec sleep infinity`;
    const both = RELAXED.flatMap(([, , , serviceConfig], index) => [
      [`d${index}`, scripted(`d${index}`, 7100 + index, script(index))] as const,
      [`r${index}`, scripted(`r${index}`, 7200 + index, script(index), { sandbox: { serviceConfig } })] as const,
    ]);
    host = await Supervised.up("relaxed", Object.fromEntries(both));
  });
  after(async () => {
    await host?.down();
  });

  for (const [index, [what, , fails, directives, works]] of RELAXED.entries()) {
    it(`${what}: not by default, but with ${Object.entries(directives).map((pair) => pair.join("="))}`, async () => {
      const said = (name: string) =>
        host.machine.waitFor(`/srv/${name}/said`, () => host.machine.readFile(`/srv/${name}/said`));
      assert.match(await said(`d${index}`), fails);
      assert.match(await said(`r${index}`), works);
    });
  }
});
