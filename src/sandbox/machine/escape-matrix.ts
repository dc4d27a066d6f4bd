/** The escape matrix (escape-cases.ts), made in a scene: a row for each attempt, with what became of it in each place. */
import { CASES, CASES_OF_MAIN, type Case } from "./escape-cases.ts";
import type { EscapeScene } from "./escape-scene.ts";

/** Only where cgroup2 has the controller: elsewhere systemd takes the limit and cannot enforce it. */
export const TASKS: Case = {
  ...{ area: "resources", what: "a hundred processes", attempt: "idle 100" },
  ...{ inside: "EAGAIN", outside: "done" },
};

export interface Row extends Case {
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

export function printed(rows: readonly Row[]): string {
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

/** Makes every attempt of the matrix in the setup and in the server of an isolated instance, and outside of any sandbox. */
export async function matrixOf(scene: EscapeScene): Promise<Row[]> {
  const controllers = await scene.host.machine.readFile("/sys/fs/cgroup/cgroup.controllers");
  const enforced = /\bpids\b/.test(controllers) ? [TASKS] : [];
  const cases = await scene.filled([...CASES, ...enforced, ...CASES_OF_MAIN]);
  const { setup, main } = await scene.inside(cases);
  const outside = await scene.outside(cases);
  const inBoth = cases.length - CASES_OF_MAIN.length;
  return cases.map((made, index) =>
    row(made, {
      outside: outside[index] ?? "",
      setup: index < inBoth ? (setup[index] ?? "nothing said") : "",
      main: main[index] ?? "nothing said",
    }),
  );
}
