/** Files projected under `~/.config/opencode/`. */
import { fieldOf, quote } from "../text.ts";
import type { Check } from "./check.ts";
import { ancestors } from "./path-index.ts";
import tables from "./tables.json" with { type: "json" };

/** What setup itself puts there. */
const TAKEN = new Map(Object.entries(tables.configDirFiles));

const targets: Check = function* ({ spec }) {
  const all = new Set(Object.keys(spec.configDirFiles));
  for (const target of all) {
    const field = fieldOf(["configDirFiles", target]);
    const fix = TAKEN.get(target);
    if (fix !== undefined) yield { field, what: `${quote(target)} is put there by setup`, fix };
    const parent = [...ancestors(`/${target}`)].map((path) => path.slice(1)).find((path) => all.has(path));
    if (parent === undefined) continue;
    yield {
      field,
      what: `${quote(parent)} cannot be both a file and a directory`,
      fix: "rename one of the two",
    };
  }
};

export const configFileChecks: readonly Check[] = [targets];
