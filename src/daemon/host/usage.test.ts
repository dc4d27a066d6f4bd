import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { oomKills, readUsage } from "./usage.ts";

/** A cgroupfs with the slice of `a` and these files in it, as a kernel writes them. */
async function reading(files: Readonly<Record<string, string>>) {
  const root = await mkdtemp(join(tmpdir(), "opencode-usage-"));
  try {
    const slice = join(root, "opencode.slice/opencode-a.slice");
    await mkdir(slice, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(slice, name)), { recursive: true });
      await writeFile(join(slice, name), text);
    }
    const usage = await readUsage("a", "opencode.slice", root);
    assert.equal(oomKills("a", "opencode.slice", root), usage.oomKills ?? 0);
    return usage;
  } finally {
    await rm(root, { recursive: true });
  }
}

test("what a kernel with all controllers counts, with what the limits did", async () => {
  const found = await reading({
    "memory.current": "331350016\n",
    "cpu.stat": "usage_usec 12340000\nuser_usec 1\nsystem_usec 2\n",
    "pids.current": "24\n",
    "memory.events": "low 0\nhigh 0\nmax 31\noom 3\noom_kill 2\noom_group_kill 0\n",
    "pids.events": "max 7\n",
  });
  assert.deepEqual(found, { memoryBytes: 331_350_016, cpuSeconds: 12.34, tasks: 24, oomKills: 2, tasksRefused: 7 });
});

test("a kernel before 6.11 counts the tasks refused in the unit alone", async () => {
  const { tasksRefused } = await reading({
    "pids.events": "max 0\n",
    "opencode-a.service/pids.events": "max 43\n",
  });
  assert.equal(tasksRefused, 43);
});

test("a controller that is not on, and a slice that is not there, are null and not 0", async () => {
  const none = { memoryBytes: null, tasks: null, oomKills: null, tasksRefused: null };
  assert.deepEqual(await reading({ "cpu.stat": "usage_usec 5000000\n" }), { ...none, cpuSeconds: 5 });
  assert.deepEqual(await readUsage("a", "opencode.slice", "/nowhere"), { ...none, cpuSeconds: null });
});
