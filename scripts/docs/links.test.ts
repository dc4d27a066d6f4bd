/** Every page of this repository: its links lead somewhere, its commands and files exist, its messages are those of the code. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, test } from "node:test";
import { COMMANDS } from "../../src/cli/commands.ts";
import { TREE } from "../../testbed/host.ts";
import { mistakesOf } from "./commands.ts";
import { anchorsOf, inlineCodeOf, linksOf, parsePage } from "./markdown.ts";

const EXCLUDED = /(^|\/)(node_modules|dist|build|\.git)$/;
const pages = globSync("**/*.md", { cwd: TREE, exclude: (path) => EXCLUDED.test(path) }).sort();
const read = (page: string): string => readFileSync(join(TREE, page), "utf8");

/** Of a link: the file it leads to, from the root of the tree, and what is behind `#`. Null when it leads out of here. */
function targetOf(page: string, link: string): { readonly file: string; readonly anchor: string } | null {
  if (/^[a-z]+:/.test(link)) return null;
  const [path = "", anchor = ""] = decodeURIComponent(link).split("#");
  return { file: path === "" ? page : normalize(join(dirname(page), path)), anchor };
}

/** What is wrong with a link; null when it leads somewhere. */
function faultOf(page: string, link: string): string | null {
  const target = targetOf(page, link);
  if (target === null) return null;
  const { file, anchor } = target;
  if (file.startsWith("..") || !existsSync(join(TREE, file))) return `${link}: there is no ${file}`;
  if (anchor === "" || anchorsOf(read(file)).has(anchor)) return null;
  return `${link}: ${file} has no heading ${anchor}, but ${[...anchorsOf(read(file))].join(", ")}`;
}

/** Files of this tree that a page names in code: `src/a/b.ts`, `docs/*.md`; not those that are made. */
const IN_TREE = /^(?:src|scripts|nix|testbed|docs|monitoring|packages|bench|systemd)\/[\w./*-]*$/;

for (const page of pages) {
  describe(page, () => {
    test("its links lead somewhere", () => {
      const faults = linksOf(read(page)).flatMap(({ line, target }) => {
        const fault = faultOf(page, target);
        return fault === null ? [] : [`line ${line}: ${fault}`];
      });
      assert.deepEqual(faults, []);
    });

    test("the files and commands that it names exist", () => {
      const code = inlineCodeOf(read(page));
      const files = code
        .filter(({ code }) => IN_TREE.test(code) && globSync(code, { cwd: TREE }).length === 0)
        .map(({ line, code }) => `line ${line}: there is no ${code}`);
      const fenced = parsePage(read(page)).fences.map(({ line, body }) => ({ line, code: body }));
      const commands = [...code, ...fenced].flatMap(({ line, code }) =>
        mistakesOf(code, COMMANDS).map((mistake) => `line ${line}: ${mistake}`),
      );
      assert.deepEqual([...files, ...commands], []);
    });
  });
}

test("every page below docs is reached from docs/README.md", () => {
  const reached = new Set<string>();
  const follow = (page: string): void => {
    if (reached.has(page) || !page.endsWith(".md")) return;
    reached.add(page);
    for (const { target } of linksOf(read(page))) follow(targetOf(page, target)?.file ?? "");
  };
  follow("docs/README.md");
  const lost = pages.filter((page) => page.startsWith("docs/") && !reached.has(page));
  assert.deepEqual(lost, []);
});

test("the messages that docs/troubleshooting.md explains are those of the code", () => {
  const sources = globSync(["src/**/*.ts", "src/**/*.json", "nix/**/*.nix"], { cwd: TREE })
    .filter((path) => !/\.test\.ts$|openapi\.json$/.test(path))
    .map(read)
    .join("\n");
  const said = (fragment: string): boolean => sources.includes(fragment);
  const messages = parsePage(read("docs/troubleshooting.md")).prose.flatMap(([number, line]) => {
    const cell = /^\| (.*?) \| /.exec(line)?.[1] ?? "";
    return [...cell.matchAll(/`([^`]+)`/g)].map(([, message = ""]) => ({ number, message }));
  });
  assert.ok(messages.length > 30);
  const unknown = messages.flatMap(({ number, message }) =>
    message
      .split("…")
      .map((fragment) => fragment.trim())
      .filter((fragment) => fragment.includes(" ") && !fragment.startsWith("opencode-supervisor ") && !said(fragment))
      .map((fragment) => `line ${number}: nothing says ${JSON.stringify(fragment)}`),
  );
  assert.deepEqual(unknown, []);
});
