import assert from "node:assert/strict";
import { test } from "node:test";
import { ProblemError } from "../spec/problem.ts";
import { Loader } from "./loader.ts";

const instance = (port: number, more = {}) => ({ directory: `/srv/p${port}`, listen: { port }, ...more });
const file = (instances: object) => JSON.stringify({ version: 1, instances });

/** A loader over a file that the test rewrites. */
function loading(content: string) {
  const disk = { content, reads: 0 };
  const loader = new Loader("/etc/opencode/instances.json", async () => {
    disk.reads++;
    return Buffer.from(disk.content);
  });
  return { disk, loader };
}

test("a good file gives its enabled instances, and the disabled ones apart", async () => {
  const { loader } = loading(file({ b: instance(2), a: instance(1), c: instance(3, { enable: false }) }));
  const { ok, specs, disabled, kept } = await loader.load();
  assert.deepEqual(
    [ok, specs.map(({ name }) => name), disabled.map(({ name }) => name), kept],
    [true, ["a", "b"], ["c"], []],
  );
});

test("a broken file keeps the last good state and says what is wrong; mending it mends all", async () => {
  const { disk, loader } = loading(file({ a: instance(1) }));
  const good = await loader.load();
  for (const content of ["", "{", '{"version":2,"instances":{}}']) {
    disk.content = content;
    const broken = await loader.load();
    assert.deepEqual([broken.ok, broken.specs, broken.kept], [false, good.specs, good.kept]);
    assert.equal(broken.problems.length, 1, content);
  }
  disk.content = file({ a: instance(1) });
  const mended = await loader.load();
  assert.deepEqual([mended.ok, mended.problems], [true, []]);
});

test("a file that never was good leaves everything that runs as it is", async () => {
  const { kept, loadedAt } = await loading("{").loader.load();
  assert.deepEqual([kept, loadedAt], ["all", null]);
});

test("a broken instance is kept as it is, the others are taken in", async () => {
  const { disk, loader } = loading(file({ a: instance(1), b: instance(2) }));
  await loader.load();
  disk.content = file({ a: instance(1, { lisen: {} }), b: instance(4) });
  const { ok, specs, kept, problems } = await loader.load();
  assert.deepEqual([ok, specs.map(({ listen }) => listen.port), kept], [true, [4], ["a"]]);
  assert.equal(problems[0]?.instance, "a");
});

test("an instance that did not change is the same object, also through a broken file", async () => {
  const { disk, loader } = loading(file({ a: instance(1), b: instance(2) }));
  const [a, b] = (await loader.load()).specs;
  disk.content = "{";
  await loader.load();
  disk.content = file({ b: instance(3), a: instance(1) });
  const [a2, b2] = (await loader.load()).specs;
  assert.equal(a2, a);
  assert.notEqual(b2, b);
});

test("the same bytes are not parsed again", async () => {
  const { disk, loader } = loading(file({ a: instance(1) }));
  const first = await loader.load();
  assert.equal(await loader.load(), first);
  assert.equal(disk.reads, 2);
});

test("a file that cannot be read is a problem, not a crash", async () => {
  const problem = { instance: null, field: "", what: "it is a FIFO", fix: "write a file" };
  const reads = [() => Promise.reject(new ProblemError(problem)), () => Promise.reject(new Error("EIO"))];
  for (const read of reads) {
    const { ok, problems } = await new Loader("/x", read).load();
    assert.deepEqual([ok, problems.length], [false, 1]);
    assert.notEqual(problems[0]?.fix, "");
  }
});

test("the host's resolvers are those of instances that name none; when they change, so do these and no others", async () => {
  const networkIsolation = (dns: unknown) => ({ networkIsolation: { dns } });
  const content = file({
    a: instance(1),
    b: instance(2, networkIsolation([])),
    c: instance(3, networkIsolation(["::1"])),
  });
  let resolvers = ["192.0.2.53"];
  const loader = new Loader(
    "/x",
    async () => Buffer.from(content),
    async () => resolvers,
  );
  const dns = async () => (await loader.load()).specs.map((spec) => spec.networkIsolation.dns);
  assert.deepEqual(await dns(), [["192.0.2.53"], [], ["::1"]]);
  const before = await loader.load();
  assert.equal(await loader.load(), before);
  resolvers = ["127.0.0.53"];
  assert.deepEqual(await dns(), [["127.0.0.53"], [], ["::1"]]);
  const { specs } = await loader.load();
  assert.deepEqual(
    specs.map((spec) => before.specs.includes(spec)),
    [false, true, true],
  );
});
