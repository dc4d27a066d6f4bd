/** Every way in which the instance file can be broken: what runs goes on, and status and journal say what is wrong and where. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { INSTANCE_FILE, SUPERVISOR_UNIT } from "../../spec/names.ts";
import { EVENTS } from "../journal/messages.ts";
import { fileOf, light, Supervised } from "./testing.ts";

const GOOD = { a: light("a", 7001) };
const put = (command: string) => `rm -rf ${INSTANCE_FILE}; ${command}`;

/** How the file is broken, by shell text, and what is to be said of it. */
const FAULTS: readonly (readonly [given: string, script: string, said: RegExp])[] = [
  ["is missing", put("true"), /instances\.json does not exist; write the instance file there$/],
  ["is a directory", put(`mkdir ${INSTANCE_FILE}`), /instances\.json is not a regular file; write a plain file there$/],
  ["is a FIFO", put(`mkfifo ${INSTANCE_FILE}`), /instances\.json is not a regular file; write a plain file there$/],
  ["is a link to nothing", put(`ln -s /nowhere ${INSTANCE_FILE}`), /instances\.json does not exist; write/],
  ["is a link to itself", put(`ln -s instances.json ${INSTANCE_FILE}`), /leads back to itself; link it to a file$/],
  ["is a device", put(`ln -s /dev/zero ${INSTANCE_FILE}`), /instances\.json is not a regular file; write/],
  ["is empty", put(`: >${INSTANCE_FILE}`), /empty/],
  ["is truncated", put(`printf '{"version":1,"instances":{"a":{"direct' >${INSTANCE_FILE}`), /line 1/],
  ["is of another version", put(`echo '{"version":2,"instances":{}}' >${INSTANCE_FILE}`), /version: .*2.*1/],
  ["is too large", put(`head -c 10485761 /dev/zero | tr '\\0' ' ' >${INSTANCE_FILE}`), /10 MiB/],
  ["is no text", put(`printf '{"version":1,"instances":{"\\377":1}}' >${INSTANCE_FILE}`), /UTF-8/],
  ["is a list", put(`echo '[]' >${INSTANCE_FILE}`), /object/],
];

describe("an instance file that", () => {
  let host: Supervised;
  let pid: number | undefined;

  before(async () => {
    host = await Supervised.up("faults-file", GOOD);
    await host.until("a", "starting", (status) => status.pid !== null);
    [pid] = await host.pids("a");
  });
  after(async () => {
    await host?.down();
  });

  for (const [given, script, said] of FAULTS) {
    it(`${given}: the instance runs on, status and journal say it, and mending clears it`, async () => {
      const cursor = await host.machine.journalCursor();
      await host.machine.sh(script);
      await host.reload();
      const { problems, file, state } = await host.status();
      assert.deepEqual([state, file.ok, problems.map(({ instance }) => instance)], ["degraded", false, [null]]);
      const [problem] = problems;
      const sentence = `${problem?.field === "" ? "" : `${problem?.field}: `}${problem?.what}; ${problem?.fix}`;
      assert.match(sentence, said);
      const logged = await host.waitFor("the journal's entry", async () => {
        const matches = [`MESSAGE_ID=${EVENTS.file.id}`, `_SYSTEMD_UNIT=${SUPERVISOR_UNIT}`];
        return (await host.machine.journal({ afterCursor: cursor, matches })).map(({ MESSAGE }) => MESSAGE).at(-1);
      });
      assert.match(logged, said);
      assert.match(await host.show(SUPERVISOR_UNIT, "StatusText"), said);
      assert.deepEqual(await host.pids("a"), [pid]);
      await host.machine.sh(`rm -rf ${INSTANCE_FILE}`);
      await host.write(GOOD);
      await host.waitFor("all is well", async () => (await host.status()).state === "ok");
      assert.deepEqual(await host.pids("a"), [pid]);
    });
  }

  it("has one bad instance among good ones: the good change is taken in, the bad one runs on as it was", async () => {
    const cursor = await host.machine.journalCursor();
    const bad = { ...GOOD.a, lisen: { port: 7001 } };
    const fresh = { directory: "srv/c", listen: { port: 7003 } };
    await host.projects({ b: {} });
    await host.machine.writeFile(INSTANCE_FILE, fileOf({ a: bad, b: light("b", 7002), c: fresh }));
    await host.until("b", "starting");
    assert.deepEqual(await host.pids("a"), [pid]);
    const { problems, instances } = await host.status();
    assert.deepEqual(problems.map(({ instance, field }) => `${instance} ${field}`).sort(), ["a lisen", "c directory"]);
    assert.match(problems.find(({ instance }) => instance === "a")?.fix ?? "", /listen/);
    assert.equal(instances.invalid, 1);
    const entries = await host.waitFor("entries of both", async () => {
      const found = await host.machine.journal({ afterCursor: cursor, matches: [`MESSAGE_ID=${EVENTS.file.id}`] });
      return found.length >= 2 && found;
    });
    assert.deepEqual(new Set(entries.map((entry) => entry.OPENCODE_INSTANCE)), new Set(["a", "c"]));
    const validated = await host.cli("validate", INSTANCE_FILE);
    assert.equal(validated.code, 65);
    await host.write(GOOD);
    await host.untilAll({ a: "starting" });
    assert.deepEqual(await host.pids("a"), [pid]);
  });

  it("has a bad instance when the daemon starts: that one is held as it runs, the others are managed", async () => {
    await host.write({ ...GOOD, b: light("b", 7002) });
    await host.until("b", "starting");
    await host.machine.writeFile(INSTANCE_FILE, fileOf({ a: { ...GOOD.a, lisen: {} }, b: light("b", 7002) }));
    await host.systemctl("restart", SUPERVISOR_UNIT);
    await host.untilAll({ a: "invalid", b: "starting" });
    assert.deepEqual(await host.pids("a"), [pid]);
    assert.match((await host.cli("status")).stdout, /a: .*lisen/);
    await host.write(GOOD);
    await host.untilAll({ a: "starting" });
    assert.deepEqual(await host.pids("a"), [pid]);
  });

  it("changes two hundred times in a hurry, half-written and removed in between, ends as it was left", async () => {
    const other = fileOf({ ...GOOD, b: light("b", 7002), d: light("d", 7004) });
    await host.projects({ b: {}, d: {} });
    const files = { one: fileOf(GOOD), other };
    for (const [name, text] of Object.entries(files)) await host.machine.writeFile(`/tmp/${name}.json`, text);
    const flap = `
      cd /etc/opencode
      for i in $(seq 50); do
        head -c 40 /tmp/one.json >instances.json
        cat /tmp/one.json >instances.json
        rm instances.json
        cp /tmp/other.json next && mv next instances.json
      done`;
    const settled = (states: Parameters<typeof host.untilAll>[0]) =>
      host.waitFor("all as the file says", async () => {
        await host.untilAll(states);
        return (await host.status()).state === "ok"; // the last of the changes has been read
      });
    await host.machine.sh(flap);
    await settled({ a: "starting", b: "starting", d: "starting" });
    assert.deepEqual(await host.pids("a"), [pid]);
    await host.machine.sh(`${flap}; cat /tmp/one.json >instances.json`);
    await settled({ a: "starting" });
    assert.deepEqual(await host.pids("a"), [pid]);
  });
});
