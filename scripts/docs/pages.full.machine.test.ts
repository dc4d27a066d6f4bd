/**
 * README.md, the way to get started on Debian, each guide and the way out again, as a new user takes them: what the pages say
 * to type is typed on a clean machine, and what they say is seen has to be seen. See steps.ts for what a fence says.
 */
import assert from "node:assert/strict";
import { existsSync, globSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { TREE } from "../../testbed/host.ts";
import { ARCHIVE } from "../package.ts";
import { Reader, stepsOfPage } from "./reader.ts";
import type { Step } from "./steps.ts";

const GETTING_STARTED = "docs/getting-started/debian.md";
/** Runs this very test. */
const RUNS_THE_TESTS = /^npm test\b.*\n/m;
const firstLine = (step: Step): string => step.script.split("\n", 1)[0] ?? "";
const guides = globSync("docs/guides/*.md", { cwd: TREE }).sort();

const archive = join(TREE, ARCHIVE);
const isOurs = !existsSync(archive);
after(() => {
  if (isOurs) rmSync(archive, { force: true });
});

/** What was done in the clone for an earlier page is done. */
const inClone = new Set<string>();

/** Every step of a page, each a test of its own. */
function typed(page: string, reader: () => Reader): void {
  for (const step of stepsOfPage(page)) {
    it(`${page}:${step.line}: ${firstLine(step)}`, async () => {
      const script = step.script.replace(RUNS_THE_TESTS, "");
      if (!inClone.has(script)) await reader().follow({ ...step, script });
      if (step.place === "clone") inClone.add(script);
      if (step.script.includes("npm run package")) await reader().bringArchive();
    });
  }
}

/** An agent that runs, in its sandbox, with a policy that was seen at work. */
function hasAgent(reader: () => Reader): void {
  it("there is a running, isolated agent", async () => {
    const { stdout } = await reader().machine.exec(["opencode-supervisor", "show", "project-a", "--json"]);
    const policy = { wanted: "enforce", inForce: true };
    assert.partialDeepStrictEqual(JSON.parse(stdout), { state: "ready", relaxations: [], policy });
    assert.match(stdout, /"policyObserved": "\d/);
  });
}

describe("README.md, from a clean machine", () => {
  let reader: Reader;
  before(async () => {
    reader = await Reader.at("page-readme");
  });
  after(async () => {
    await reader?.[Symbol.asyncDispose]();
  });

  typed("README.md", () => reader);
  hasAgent(() => reader);
});

describe("getting started on Debian, every guide, and out again", () => {
  let reader: Reader;
  const machine = () => reader.machine;
  before(async () => {
    reader = await Reader.at("page-debian");
  });
  after(async () => {
    await reader?.[Symbol.asyncDispose]();
  });

  typed(GETTING_STARTED, () => reader);
  hasAgent(() => reader);

  for (const guide of guides) {
    describe(guide, () => {
      before(async () => {
        await machine().exec(["opencode-supervisor", "start", "project-a", "--wait"]);
      });
      typed(guide, () => reader);
    });
  }

  describe("docs/uninstall.md", () => {
    before(async () => {
      await machine().exec(["opencode-supervisor", "start", "project-a", "--wait"]);
    });
    typed("docs/uninstall.md", () => reader);

    it("nothing is left but the project and the archive", async () => {
      const script = `
        nft list tables
        systemctl list-units --all --plain --no-legend 'opencode*' | grep -v not-found || true
        find / -xdev -name '*opencode*' -not -path '/root/*' -not -path '/var/log/*' -not -path '/tmp/*'
        grep opencode /etc/passwd /etc/group || true`;
      assert.equal((await machine().sh(script)).stdout, "");
    });
  });
});
