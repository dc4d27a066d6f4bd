/** Which system calls the baseline refuses, told by name: what the running systemd knows, but for what services need. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Machine } from "../../../testbed/machine.ts";
import baseline from "../baseline.json" with { type: "json" };

/** What would be allowed by name (systemd.exec(5), "SystemCallFilter="): of the first all but the second. */
const NEEDED = "@system-service @sandbox";
const NOT_NEEDED = "@privileged @resources io_uring_enter io_uring_register io_uring_setup";

/** Group → what is in it, from `systemd-analyze syscall-filter`. */
function groupsOf(listing: string): ReadonlyMap<string, readonly string[]> {
  const sections = listing.split(/^(?=[@#])/m).map((section) => section.split("\n").map((line) => line.trim()));
  return new Map(sections.map(([name = "", ...lines]) => [name, lines.filter((line) => /^@?\w/.test(line))]));
}

/** System calls of this architecture that the headers know, by name. */
function numbersOf(headers: string): ReadonlyMap<string, number> {
  const found = [...headers.matchAll(/^#define __NR_(\w+) (\d+)$/gm)];
  return new Map(found.map(([, name = "", number]) => [name, Number(number)]));
}

test("of the calls that have a number here, those that services need are allowed, and no other", async () => {
  await using machine = await Machine.up({ name: "system-calls" });
  const groups = groupsOf((await machine.exec(["systemd-analyze", "syscall-filter", "--no-pager"])).stdout);
  const members = (names: string): string[] =>
    names.split(" ").flatMap((name) => (name.startsWith("@") ? members((groups.get(name) ?? []).join(" ")) : [name]));
  const notNeeded = new Set(members(NOT_NEEDED));
  const needed = new Set(members(NEEDED).filter((name) => !notNeeded.has(name)));
  const refused = new Set(baseline.SystemCallFilter.value.flatMap((line) => members(line.replace("~", ""))));
  const numbers = numbersOf(
    execFileSync("cc", ["-E", "-dM", "-include", "sys/syscall.h", "-xc", "/dev/null"]).toString(),
  );
  const source = readFileSync(new URL("../../../packages/sandbox-init/init.c", import.meta.url), "utf8");
  const last = Number(/LAST_REFUSED_BY_NAME (\d+)/.exec(source)?.[1]);
  const newer = [...source.matchAll(/^\t(\d+), \/\* (\w+) \*\/$/gm)].map(([, , name = ""]) => name);

  assert.ok(needed.size > 200 && refused.size > 100 && numbers.size > 300 && newer.length > 5);
  assert.deepEqual([...refused].filter((name) => needed.has(name)).sort(), []);
  const byName = [...numbers].filter(([, number]) => number <= last).map(([name]) => name);
  assert.deepEqual(byName.filter((name) => refused.has(name) === needed.has(name)).sort(), []);
  assert.deepEqual(newer.filter((name) => !needed.has(name)).sort(), [], "what opencode-init lets pass");
});
