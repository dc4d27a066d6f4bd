/**
 * The escape matrix (escape-cases.ts), made by probe.c inside the units of an isolated instance that the real supervisor
 * started: in its setup by a hook, and in the place of its server. Prints the whole table.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CASES, CASES_OF_MAIN, type Case } from "./escape-cases.ts";
import { EscapeScene } from "./escape-scene.ts";

/** Only where cgroup2 has the controller: elsewhere systemd takes the limit and cannot enforce it. */
const TASKS: Case = {
  ...{ area: "resources", what: "a hundred processes", attempt: "idle 100" },
  ...{ inside: "EAGAIN", outside: "done" },
};

interface Row extends Case {
  readonly found: Readonly<Record<"outside" | "setup" | "main", string>>;
  readonly verdict: "closed" | "closed, and nothing to open here" | "OPEN" | "PROBE DOES NOT WORK";
}

const isOneOf = (wanted: string, found: string): boolean => wanted.split("|").includes(found);

function row(made: Case, found: Row["found"]): Row {
  const failed = [found.setup, found.main].every((answer) => answer === "" || isOneOf(made.inside, answer));
  const told = isOneOf(made.outside, found.outside);
  const same = isOneOf(made.inside, found.outside);
  const verdict = same ? "closed, and nothing to open here" : "closed";
  return { ...made, found, verdict: !failed ? "OPEN" : !told ? "PROBE DOES NOT WORK" : verdict };
}

function printed(rows: readonly Row[]): string {
  const cells = rows.map(({ area, what, found, verdict }) => [
    area,
    what,
    found.outside,
    found.setup,
    found.main,
    verdict,
  ]);
  const table = [["area", "attempt", "outside", "setup", "main", "verdict"], ...cells];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0))) ?? [];
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

describe("the escape matrix", () => {
  let scene: EscapeScene;
  before(async () => {
    scene = await EscapeScene.up();
  });
  after(async () => {
    await scene?.down();
  });

  it("every attempt fails in setup and in main, and outside the same probe gets through", async () => {
    const controllers = await scene.host.machine.readFile("/sys/fs/cgroup/cgroup.controllers");
    const enforced = /\bpids\b/.test(controllers) ? [TASKS] : [];
    const cases = await scene.filled([...CASES, ...enforced, ...CASES_OF_MAIN]);
    // When
    const { setup, main } = await scene.inside(cases);
    const outside = await scene.outside(cases);
    // Then
    const inBoth = cases.length - CASES_OF_MAIN.length;
    const rows = cases.map((made, index) =>
      row(made, {
        outside: outside[index] ?? "",
        setup: index < inBoth ? (setup[index] ?? "nothing said") : "",
        main: main[index] ?? "nothing said",
      }),
    );
    const shown = rows.filter(({ verdict }) => verdict === "closed").length;
    console.log(`${printed(rows)}\n${rows.length} attempts, ${shown} of which get through outside`);
    assert.deepEqual(
      rows.filter(({ verdict }) => !verdict.startsWith("closed")),
      [],
    );
    assert.ok(shown >= 60);
  });

  it("nor does an instance without isolation come to an abstract socket of the isolated one", async () => {
    await scene.abstractSocket("isolated");
    assert.equal(await scene.asFreer("unix @isolated"), "EPERM");
    assert.equal((await scene.outside([{ ...TASKS, attempt: "unix @isolated" }])).join(), "done");
  });

  it("a set-user-id program makes somebody else root, so the tool for that attempt works", async () => {
    const said = "echo 'become /usr/local/bin/probe-suid' | setpriv --reuid 65534 --clear-groups /usr/local/bin/probe";
    assert.equal((await scene.host.machine.sh(said)).stdout, "done\n");
  });
});
