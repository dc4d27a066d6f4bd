/** Two dozen instances, each wrong in its own way, beside a good one: it runs, and each of them says what to do. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { defaultUser, INSTANCE_FILE } from "../../spec/names.ts";
import type { InstanceStatus } from "../api/model.ts";
import type { State } from "../instance/state.ts";
import { type Fields, fileOf, light, Supervised, scripted } from "./testing.ts";

interface Fault {
  /** What is wrong, after "an instance whose". */
  readonly given: string;
  /** Fields beside directory, port and command. */
  readonly fields?: Fields;
  /** Shell text that makes it so; the instance's user and project are there, `$home` is its HOME, not yet made. */
  readonly make?: string;
  readonly state: State;
  /** What is to be found in `why` or `output`, each in one sentence. */
  readonly said: readonly RegExp[];
  /** Shell text that does what the sentence says. */
  readonly mend?: string;
}

const home = (script: string): string =>
  `install -d -m 0700 -o $user -g $user $home; setpriv --reuid=$user sh -ec '${script}'`;
const inTheWay = (path: string, kind: string): RegExp[] => [
  new RegExp(`^setup: /var/lib/opencode/instance-state/[a-z]+/${path} is ${kind} where .* has to be; move it away`),
];

const FAULTS: Readonly<Record<string, Fault>> = {
  gone: {
    given: "directory is missing",
    make: "rmdir /srv/gone",
    state: "blocked",
    said: [
      /^gone: directory: \/srv\/gone does not exist; make it: install -d -o opencode-gone -g opencode-gone \/srv\/gone$/,
    ],
    mend: "install -d -o opencode-gone -g opencode-gone /srv/gone",
  },
  afile: {
    given: "directory is a file",
    make: "rmdir /srv/afile; touch /srv/afile",
    state: "blocked",
    said: [/^afile: directory: \/srv\/afile is not a directory; make it: install -d/],
    mend: "rm /srv/afile; install -d -o opencode-afile /srv/afile",
  },
  foreign: {
    given: "directory is not its user's",
    make: "chown root /srv/foreign",
    state: "failed",
    said: [
      /^setup failed: exit status 77/,
      /^setup: directory \/srv\/foreign is not writable by user opencode-foreign; run: chown opencode-foreign \/srv\/foreign$/,
    ],
    mend: "chown opencode-foreign /srv/foreign",
  },
  noconfig: {
    given: "configFile is missing",
    fields: { configFile: "/srv/config/noconfig.json" },
    state: "blocked",
    said: [
      /^noconfig: configFile: \/srv\/config\/noconfig\.json does not exist; write the path of a file that is there$/,
    ],
    mend: "echo '{}' >/srv/config/noconfig.json",
  },
  secret: {
    given: "configFile it may not read",
    fields: { configFile: "/srv/config/secret.json" },
    make: "umask 077; echo '{}' >/srv/config/secret.json",
    state: "failed",
    said: [/^setup: config \/srv\/config\/secret\.json is not readable by user opencode-secret; run: setfacl/],
    mend: "chmod 0644 /srv/config/secret.json",
  },
  notjson: {
    given: "configFile is not JSON",
    fields: { configFile: "/srv/config/notjson.json" },
    make: "echo 'model = best' >/srv/config/notjson.json",
    state: "failed",
    said: [/^setup: config \/srv\/config\/notjson\.json .*; write a JSON object/],
    mend: "echo '{}' >/srv/config/notjson.json",
  },
  noenv: {
    given: "environmentFile is missing",
    fields: { environmentFile: "/srv/config/noenv.env" },
    state: "blocked",
    said: [/^noenv: environmentFile: \/srv\/config\/noenv\.env does not exist; write/],
    mend: "touch /srv/config/noenv.env",
  },
  nopass: {
    given: "passwordFile is empty",
    fields: { passwordFile: "/srv/config/nopass" },
    make: ": >/srv/config/nopass",
    state: "blocked",
    said: [/^nopass: passwordFile: \/srv\/config\/nopass is empty; put the password on its first line$/],
    mend: "echo secret >/srv/config/nopass",
  },
  nouser: {
    given: "user does not exist",
    fields: { user: "mallory" },
    state: "blocked",
    said: [/^nouser: user: user mallory does not exist; make it, or leave `user` out to have one made$/],
    mend: "useradd --user-group mallory; chown mallory /srv/nouser",
  },
  badhook: {
    given: "hook fails",
    fields: { preInitScript: "echo 'no key for the vault' >&2; exit 3" },
    state: "failed",
    said: [/^setup failed: exit status 3\b.*mend it, then/, /^no key for the vault$/],
  },
  hangs: {
    given: "hook hangs, and does not want to end",
    fields: {
      preInitScript: "trap '' TERM; echo waiting for the vault; setsid sleep 1001 & sleep 1002",
      limits: { hookTimeout: 2 },
    },
    state: "failed",
    said: [/^setup failed: it took longer than limits\.hookTimeout allows and was killed/, /^waiting for the vault$/],
  },
  floods: {
    given: "hook floods its output, and fails",
    fields: { postInitScript: "head -c 20000000 /dev/zero | tr '\\0' x; yes | head -n 200000; echo the end; exit 4" },
    state: "failed",
    said: [/^setup failed: exit status 4/, /^y$|too long to show/],
  },
  busy: {
    given: "port somebody else's service holds",
    make: "systemd-run --quiet --unit=mail.service nc -lk 127.0.0.1 7100; until nc -z 127.0.0.1 7100; do :; done",
    fields: { listen: { port: 7100 } },
    state: "blocked",
    said: [/^busy: listen\.port: port 7100 is held by nc \(pid \d+, mail\.service\); stop that, or write another port/],
    mend: "systemctl stop mail.service",
  },
  filed: {
    given: "unit name somebody's unit file has",
    make: "printf '[Service]\\nExecStart=sleep infinity\\n' >/etc/systemd/system/opencode-filed.service; systemctl daemon-reload",
    state: "blocked",
    said: [
      /^filed: a unit of its name exists already and is not the supervisor's; rename the instance, or remove the other unit \(systemctl status opencode-filed\)$/,
    ],
    mend: "rm /etc/systemd/system/opencode-filed.service; systemctl daemon-reload",
  },
  taken: {
    given: "unit name somebody's running unit has",
    make: "systemd-run --quiet --unit=opencode-taken.service sleep infinity",
    state: "blocked",
    said: [/^taken: a unit of its name exists already and is not the supervisor's; rename the instance/],
    mend: "systemctl stop opencode-taken.service",
  },
  fifo: {
    given: "HOME has a FIFO at .config",
    make: home("mkfifo $home/.config"),
    state: "failed",
    said: inTheWay("\\.config", "a FIFO"),
    mend: "rm $home/.config",
  },
  link: {
    given: "HOME has a link to elsewhere at .config",
    make: `install -d -o opencode-link /srv/elsewhere; ${home("ln -s /srv/elsewhere $home/.config")}`,
    state: "failed",
    said: inTheWay("\\.config", "a symbolic link"),
    mend: "rm $home/.config",
  },
  dir: {
    given: "HOME has a directory at .config/opencode/opencode.json",
    make: home("mkdir -p $home/.config/opencode/opencode.json"),
    state: "failed",
    said: inTheWay("\\.config/opencode/opencode\\.json", "a directory"),
    mend: "rmdir $home/.config/opencode/opencode.json",
  },
  own: {
    given: "HOME has a file of its own at .config/opencode/opencode.json",
    make: home("mkdir -p $home/.config/opencode; echo mine >$home/.config/opencode/opencode.json"),
    state: "failed",
    said: inTheWay("\\.config/opencode/opencode\\.json", "a file"),
    mend: "rm $home/.config/opencode/opencode.json",
  },
  nostate: {
    given: "stateDir of its own is missing",
    fields: { stateDir: "/srv/state/nostate" },
    state: "blocked",
    said: [
      /^nostate: stateDir: \/srv\/state\/nostate does not exist; make it: install -d -m 0700 -o opencode-nostate -g opencode-nostate \/srv\/state\/nostate$/,
    ],
    mend: "install -d -m 0700 -o opencode-nostate -g opencode-nostate /srv/state/nostate",
  },
  badstate: {
    given: "stateDir of its own is another's",
    fields: { stateDir: "/srv/state/badstate" },
    make: "install -d -m 0700 /srv/state/badstate",
    state: "blocked",
    said: [/^badstate: stateDir: \/srv\/state\/badstate belongs to .*, not to opencode-badstate; .*opencode-badstate/],
    mend: "chown opencode-badstate /srv/state/badstate",
  },
  norw: {
    given: "readWritePaths name what is missing",
    fields: { sandbox: { readWritePaths: ["/srv/cache-of-norw"] } },
    state: "blocked",
    said: [
      /^norw: sandbox\.readWritePaths\[0\]: \/srv\/cache-of-norw does not exist; make it, or take it out of the list$/,
    ],
    mend: "install -d -o opencode-norw /srv/cache-of-norw",
  },
  limit: {
    given: "serviceConfig has a value that systemd would pass over",
    fields: { sandbox: { serviceConfig: { Nice: 5, MemoryMax: "lots" } } },
    state: "blocked",
    said: [
      /^limit: sandbox\.serviceConfig\.MemoryMax: systemd does not take MemoryMax=lots: Invalid memory limit 'lots'; write it as/,
    ],
  },
  noprog: {
    given: "program is not there",
    fields: { command: ["/usr/bin/opencoed"] },
    state: "blocked",
    said: [/^noprog: command: \/usr\/bin\/opencoed does not exist/],
  },
};

const port = (name: string): number => 7001 + Object.keys(FAULTS).indexOf(name);
const faulty = (name: string, { fields }: Fault): Fields => light(name, port(name), fields);
const DAEMONIZES = scripted("forks", 7200, "exec sleep infinity", {
  preInitScript: "setsid sleep 1003 </dev/null >/dev/null 2>&1 & (setsid nohup sleep 1004 >/dev/null 2>&1 &) ",
});
const all: Readonly<Record<string, Fields>> = {
  good: light("good", 7000),
  forks: DAEMONIZES,
  ...Object.fromEntries(Object.entries(FAULTS).map(([name, fault]) => [name, faulty(name, fault)])),
};

describe("an instance whose", () => {
  let host: Supervised;
  const inShell = (name: string, script = "") =>
    host.machine.sh(`export user=${defaultUser(name)} home=/var/lib/opencode/instance-state/${name}\n${script}`);
  const says = ({ why, output }: InstanceStatus, said: RegExp) =>
    [why ?? "", ...output].some((line) => said.test(line));

  before(async () => {
    host = await Supervised.up("faults-instance");
    await host.machine.sh("install -d /srv/config /srv/state /run/systemd/system");
    await host.projects(Object.fromEntries(Object.keys(all).map((name) => [name, {}])));
    for (const [name, { make }] of Object.entries(FAULTS)) await inShell(name, make);
    await host.machine.writeFile(INSTANCE_FILE, fileOf(all));
    await host.systemctl("start", "opencode.target");
  });
  after(async () => {
    await host?.down();
  });

  it("all is well runs, beside all of these", async () => {
    await host.until("good", "starting");
    await host.waitForUnit("opencode-good.service");
  });

  for (const [name, { given, state, said }] of Object.entries(FAULTS)) {
    it(`${given} says so`, async () => {
      const status = await host.until(name, state, (status) => said.every((sentence) => says(status, sentence)));
      assert.ok(status.output.length <= 5 && status.output.every((line) => line.length <= 200));
      assert.equal(status.pid, null);
    });
  }

  it("hook forks daemons leaves none behind, and starts", async () => {
    await host.until("forks", "starting", ({ pid }) => pid !== null);
    await host.until("hangs", "failed");
    const { stdout } = await host.machine.exec(["ps", "-eo", "args"]);
    assert.doesNotMatch(stdout, /^sleep 100\d$/m);
  });

  it("port is held by something in a sibling's slice says so", async () => {
    const listen = "systemd-run --quiet --slice=opencode-good.slice --unit=byhand.service nc -lk 127.0.0.1 7101";
    await host.machine.sh(`${listen}; until ss -ltn | grep -q :7101; do :; done`);
    await host.write({ ...all, sibling: light("sibling", 7101) });
    const { why } = await host.until("sibling", "blocked");
    assert.match(why ?? "", /^sibling: listen\.port: port 7101 is held by nc \(pid \d+, byhand\.service\); stop that/);
    await host.systemctl("stop", "byhand.service");
    await host.until("sibling", "starting");
  });

  it("name somebody's running unit has leaves that unit alone, whatever happens to the file", async () => {
    const pid = await host.show("opencode-taken.service", "MainPID");
    const { taken: _, ...others } = all;
    await host.machine.writeFile(INSTANCE_FILE, fileOf(others));
    await host.reload();
    await host.machine.writeFile(INSTANCE_FILE, fileOf(all));
    await host.reload();
    await host.until("taken", "blocked");
    assert.equal(await host.show("opencode-taken.service", "MainPID"), pid);
  });

  it("way is blocked by what was planted in HOME does not follow it", async () => {
    assert.equal((await host.machine.sh("ls -A /srv/elsewhere")).stdout, "");
  });

  it("trouble is mended as it is told starts, and none of the others noticed anything", async () => {
    const [good, forks] = await host.pids("good", "forks");
    const mended = Object.entries(FAULTS).filter(([, { mend }]) => mend !== undefined);
    for (const [name, { mend }] of mended) await inShell(name, mend);
    await host.cli("reload");
    for (const [name] of mended) await host.until(name, "starting");
    assert.deepEqual(await host.pids("good", "forks"), [good, forks]);
  });
});
