/**
 * docs/requirements.md: each requirement with its scenarios, the tests that carry their names, and where those ran; then the
 * list of work. `node scripts/nix-requirements.ts` writes it anew from the tests; a test says when it is stale.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import requirements from "./nix-requirements.json" with { type: "json" };

const ROOT = resolve(import.meta.dirname, "..");
export const REQUIREMENTS_PAGE = join(ROOT, "docs/requirements.md");

interface Kind {
  readonly files: string;
  /** What stands before the name of a test. */
  readonly title: RegExp;
  /** The first that fits a file's path says where it ran. */
  readonly ran: readonly (readonly [path: RegExp, where: string])[];
}

const EVALUATED = "evaluated (Nix 2.26, stubs of NixOS)";
const KINDS: readonly Kind[] = [
  { files: "nix/tests/scenarios/*.nix", title: /"((?:[^"\\]|\\.)+)" = /g, ran: [[/./, EVALUATED]] },
  {
    files: "{src,nix}/**/*.test.ts",
    title: /\b(?:test|it)\(\s*["`]((?:[^"`\\]|\\.)+)["`]/g,
    ran: [
      [/\.machine\./, "on a machine (Debian 13, systemd 257)"],
      [/./, "npm test"],
    ],
  },
  { files: "nix/tests/vm/*.nix", title: /subtest\("([^"]+)"\)/g, ran: [[/./, "written for NixOS; has not run here"]] },
];

interface Found {
  readonly title: string;
  readonly file: string;
  readonly ran: string;
}

function tests(): Found[] {
  return KINDS.flatMap(({ files, title, ran }) =>
    globSync(files, { cwd: ROOT })
      .sort()
      .flatMap((file) => {
        const where = ran.find(([path]) => path.test(file))?.[1] ?? "";
        const text = readFileSync(join(ROOT, file), "utf8");
        return [...text.matchAll(title)].map(([, name = ""]) => ({ title: name, file, ran: where }));
      }),
  );
}

const found = tests();
/** The tests that carry a scenario's name, each file once. */
export const testsOf = (scenario: string): readonly Found[] => [
  ...new Map(found.filter(({ title }) => title.includes(scenario)).map((test) => [test.file, test])).values(),
];

/** `[spec, requirement, scenario]` of all. */
export const SCENARIOS = Object.entries(requirements.specs).flatMap(([spec, all]) =>
  Object.entries(all).flatMap(([requirement, scenarios]) =>
    scenarios.map((scenario): readonly [string, string, string] => [spec, requirement, scenario]),
  ),
);

function specSection(spec: string): string {
  const rows = SCENARIOS.filter(([of]) => of === spec).map(([, requirement, scenario]) => {
    const carried = testsOf(scenario);
    const files = carried.map(({ file }) => `\`${file}\``).join("<br>");
    return `| ${requirement} | ${scenario} | ${files} | ${[...new Set(carried.map(({ ran }) => ran))].join("<br>")} |`;
  });
  return [
    `## ${spec}`,
    "",
    "| Requirement | Scenario | Tests of that name | Where they ran |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

type Item = (typeof requirements.tasks)[number];
const work = (title: string, items: readonly Item[]): string =>
  [
    `## ${title}`,
    "",
    "| Item | State | Where |",
    "| --- | --- | --- |",
    ...items.map(
      ({ item, state, where }) => `| ${item.replaceAll("|", "\\|").replaceAll("<", "\\<")} | ${state} | ${where} |`,
    ),
    "",
  ].join("\n");

/** The page as it should be. */
export const requirementsPage = (): string =>
  [
    `# What is asked for, and what shows that it holds

Made from the tests by \`scripts/nix-requirements.ts\`. "Evaluated" is the module's own evaluation, by Nix, with nixpkgs' lib and
stubs of the options of NixOS; the same files are checks of the flake, where nixpkgs' \`nixosSystem\` takes the place of the stubs.
On a machine runs what evaluation renders (\`nix/tests/golden\`). There was no NixOS where this was written: \`nix flake check\` and
\`nix/tests/vm\` have not run.
`,
    ...Object.keys(requirements.specs).map(specSection),
    work("The list of work", requirements.tasks),
    work("Conventions of the hosts", requirements.hosts),
  ].join("\n");

if (import.meta.main) writeFileSync(REQUIREMENTS_PAGE, requirementsPage());
