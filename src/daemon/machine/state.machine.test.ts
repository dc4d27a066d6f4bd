/** The state of instances: who may have it, what becomes of it when the file changes, and what is planted where it belongs. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { defaultStateDir, INSTANCE_FILE } from "../../spec/names.ts";
import { type Fields, fileOf, light, Supervised } from "./testing.ts";

const HOME = defaultStateDir("a");
const INSTANCES = { a: light("a", 7001), b: light("b", 7002) };

describe("state", () => {
  let host: Supervised;
  const sh = async (script: string) => (await host.machine.sh(script)).stdout.trim();
  const change = (a: Fields) => host.write({ ...INSTANCES, a: { ...INSTANCES.a, ...a } });
  /** Everything below a path, with owners, modes and times. */
  const tree = (path: string) => sh(`find ${path} -printf '%p %y %u %m %n %T@ %C@ %l\\n' | sort`);
  const settled = async () => {
    await host.write(INSTANCES);
    await host.cli("start", "a");
    await host.untilAll({ a: "starting", b: "starting" });
  };

  before(async () => {
    host = await Supervised.up("state", INSTANCES);
    await host.untilAll({ a: "starting", b: "starting" });
    await sh("useradd --system other; install -d -o other -m 700 /srv/others-state; touch /srv/others-state/theirs");
  });
  after(async () => {
    await host?.down();
  });

  it("is the instance's alone: each its own directory, 0700, at the same path on the host and inside", async () => {
    assert.equal(
      await sh(`stat -c '%n %U %a' ${HOME} ${defaultStateDir("b")}`),
      `${HOME} opencode-a 700\n${defaultStateDir("b")} opencode-b 700`,
    );
    const [pid] = await host.pids("a");
    assert.match(await sh(`tr '\\0' '\\n' </proc/${pid}/environ`), new RegExp(`^HOME=${HOME}$`, "m"));
  });

  it("may be at a path with a % in it: its user is made, and those of others", async () => {
    const more = { p: light("p", 7003, { directory: "/srv/a", stateDir: "/srv/100%h" }), q: light("q", 7004) };
    await host.machine.writeFile(INSTANCE_FILE, fileOf({ ...INSTANCES, ...more }));
    await host.waitFor("the users", () =>
      sh("getent passwd opencode-p opencode-q | cut -d: -f1,6").then(
        (found) => found === "opencode-p:/srv/100%h\nopencode-q:/var/lib/opencode/instance-state/q",
      ),
    );
    await settled();
  });

  it("a changed user is refused while the instance runs on, and the advice given is all it takes", async () => {
    const before = await tree(HOME);
    const [pid] = await host.pids("a");
    await host.machine.sh("chmod 777 /srv/a");
    await change({ user: "other" });
    const { why } = await host.until("a", "starting", (status) => status.why?.includes("belongs to") === true);
    assert.match(
      why ?? "",
      new RegExp(`stateDir: ${HOME} belongs to user id \\d+, not to other; name the user whose it is`),
    );
    assert.deepEqual([await host.pids("a"), await tree(HOME)], [[pid], before]);
    await sh(/give it away: (.*)$/.exec(why ?? "")?.[1] ?? "false");
    await host.cli("reload");
    await host.until("a", "starting", (status) => status.pid !== null && status.pid !== pid);
    assert.equal(await sh(`stat -c %U ${HOME}/.config`), "other");
    await sh(`systemctl stop opencode-a.service; chown -hR opencode-a:opencode-a ${HOME}`);
    await settled();
  });

  it("a changed stateDir is refused while the instance runs on, and the advice given moves it", async () => {
    await sh(`runuser -u opencode-a -- touch ${HOME}/kept`).catch(() =>
      sh(`setpriv --reuid opencode-a --clear-groups touch ${HOME}/kept`),
    );
    const [pid] = await host.pids("a");
    await change({ stateDir: "/srv/not/there/yet" });
    const { why } = await host.until("a", "starting", (status) => status.why?.includes("left behind") === true);
    assert.deepEqual(await host.pids("a"), [pid]);
    await sh(/or move it: (.*); to begin anew/.exec(why ?? "")?.[1] ?? "false");
    await host.cli("reload");
    await host.until("a", "starting", (status) => status.pid !== null && status.pid !== pid);
    assert.equal(await sh("ls /srv/not/there/yet"), "kept");
    await sh(`systemctl stop opencode-a.service; mv -T /srv/not/there/yet ${HOME}`);
    await settled();
    assert.equal(await sh(`ls ${HOME}`), "kept");
  });

  it("to begin anew is one more command, and what was there stays where it is", async () => {
    await change({ stateDir: "/srv/anew" });
    await sh("install -d -m 700 -o opencode-a -g opencode-a /srv/anew");
    const { why } = await host.until("a", "starting", (status) => status.why?.includes("left behind") === true);
    await sh(/to begin anew: (.*)$/.exec(why ?? "")?.[1] ?? "false");
    await host.cli("reload");
    await host.machine.waitFor("a new HOME", async () => (await sh("ls -A /srv/anew")).includes(".config"));
    assert.equal(await sh(`ls ${HOME}`), "kept");
    await sh("rm /var/lib/opencode-supervisor/states/a");
    await settled();
  });

  it("of instances that are removed is listed and not deleted; who comes back finds it", async () => {
    const before = await tree(defaultStateDir("b"));
    await host.write({ a: INSTANCES.a });
    await host.untilAll({ a: "starting" });
    await host.reload();
    assert.deepEqual((await host.status()).orphans, [{ name: "b", stateDir: defaultStateDir("b") }]);
    assert.match((await host.cli("status")).stdout, /^state of b, which is not in the file: .*\/b$/m);
    assert.equal(await tree(defaultStateDir("b")), before);
    await settled();
    await host.reload();
    assert.deepEqual((await host.status()).orphans, []);
    assert.match(await tree(defaultStateDir("b")), /opencode\.json l /);
  });

  /** What is planted where HOME belongs: how, and what is said of it. `theirs` is a directory of somebody else's. */
  const PLANTED: readonly (readonly [what: string, plant: string, said: RegExp])[] = [
    ["a link to somebody else's directory", `ln -s /srv/others-state ${HOME}`, /is not a directory/],
    ["a link to a directory of root's", `ln -s /etc/planted ${HOME}`, /is not a directory/],
    ["a link to nothing", `ln -s /etc/nothing ${HOME}`, /is not a directory/],
    ["a file", `echo x >${HOME}; chmod 666 ${HOME}`, /is not a directory/],
    ["a hard link to a file of root's", `ln /etc/planted/file ${HOME}`, /is not a directory/],
    ["a FIFO", `mkfifo ${HOME}`, /is not a directory/],
    ["a socket", `python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('${HOME}')"`, /is not a directory/],
    ["somebody else's directory", `cp -a /srv/others-state ${HOME}`, /belongs to user id \d+, not to opencode-a/],
    [
      "root's directory with a hard link in it",
      `install -d ${HOME}; ln /etc/planted/file ${HOME}/file`,
      /belongs to user id 0,/,
    ],
    [
      "root's directory with a link in it",
      `install -d ${HOME}; ln -s /etc/planted ${HOME}/.config`,
      /belongs to user id 0,/,
    ],
  ];
  for (const [what, plant, said] of PLANTED) {
    it(`${what} planted in its place is refused: root gives nothing away and follows nothing`, async () => {
      // Given
      await sh(`systemctl stop opencode-a.service opencode-a-setup.service 2>/dev/null || true
        install -d -m 700 /etc/planted; echo theirs >/etc/planted/file; rm -rf /srv/aside; mv -T ${HOME} /srv/aside; ${plant}`);
      const before = [await tree("/etc/planted"), await tree("/srv/others-state")];
      // When
      await host.cli("start", "a");
      const { why } = await host.until("a", "blocked");
      // Then
      assert.match(why ?? "", said);
      assert.deepEqual([await tree("/etc/planted"), await tree("/srv/others-state")], before);
      await sh(`rm -rf ${HOME}; mv -T /srv/aside ${HOME}`);
      await settled();
    });
  }

  /** What its own user plants in HOME, for setup and for systemd, which makes `~/.config` a mount of its own. */
  const OWN: readonly (readonly [what: string, plant: string, state: "failed" | "starting"])[] = [
    ["~/.config is a link to the project", "rm -r .config; ln -s /srv/a .config", "failed"],
    ["~/.config is a link to /etc", "rm -r .config; ln -s /etc .config", "failed"],
    [
      "~/.config/opencode is a link up and out",
      "rm -r .config/opencode; ln -s ../../../../../../etc .config/opencode",
      "failed",
    ],
    ["~/.local is a FIFO", "rm -r .local; mkfifo .local", "failed"],
    [
      "opencode.json is a directory",
      "rm .config/opencode/opencode.json; mkdir .config/opencode/opencode.json",
      "failed",
    ],
    ["opencode.json leads to a secret", "ln -sf /etc/shadow .config/opencode/opencode.json", "starting"],
    [".gitignore leads into the project", "ln -sf /srv/a/planted .config/opencode/.gitignore", "starting"],
    ["HOME is closed to its own user", "chmod 0 .", "starting"],
  ];
  for (const [what, plant, state] of OWN) {
    it(`${what}: it is ${state}, and nothing outside HOME is changed`, async () => {
      await sh(`systemctl stop opencode-a.service opencode-a-setup.service 2>/dev/null || true
        cp -a ${HOME} /srv/aside; cd ${HOME}; setpriv --reuid opencode-a --regid opencode-a --clear-groups sh -c '${plant}'`);
      const outside = () => sh("find /etc /srv/a -newer /srv/stamp ! -path '/etc/opencode*'");
      await sh("sleep 0.01; touch /srv/stamp");
      await host.cli("start", "a");
      await host.until("a", state, ({ pid }) => state === "failed" || pid !== null);
      assert.equal(await outside(), "");
      if (state === "starting")
        assert.equal(
          await sh(`readlink ${HOME}/.config/opencode/opencode.json`),
          "/run/opencode-supervisor/config/a/opencode.json",
        );
      await sh(
        `systemctl stop opencode-a.service opencode-a-setup.service 2>/dev/null || true; rm -rf ${HOME}; mv -T /srv/aside ${HOME}`,
      );
      await settled();
    });
  }
});
