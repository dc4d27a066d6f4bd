/**
 * `npm run bench`: what the supervisor costs, in disposable machines that are gone afterwards.
 *   npm run bench -- NAME…     only these, such as cold-start or fleet
 *   npm run bench -- --write               puts the tables into docs/performance.md
 */
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism, loadavg, release } from "node:os";
import { parseArgs } from "node:util";
import { api } from "./api.ts";
import { coldStart } from "./cold-start.ts";
import { egressControl } from "./egress-control.ts";
import { egressData } from "./egress-data.ts";
import { fleet } from "./fleet.ts";
import { nixEvaluation } from "./nix-evaluation.ts";
import { page } from "./page.ts";
import { probing } from "./probing.ts";
import { sandboxStart } from "./sandbox-start.ts";

const BENCHES: Readonly<Record<string, () => Promise<string>>> = {
  "cold-start": coldStart,
  fleet,
  probing,
  api,
  page,
  "sandbox-start": sandboxStart,
  "egress-control": egressControl,
  "egress-data": egressData,
  "nix-evaluation": nixEvaluation,
};
const PAGE = new URL("../docs/performance.md", import.meta.url);

const { values, positionals } = parseArgs({
  options: { write: { type: "boolean", default: false } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) throw new Error(`no bench ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}`);

/** How busy the machine was is part of the result. */
const load = (): string =>
  loadavg()
    .map((value) => value.toFixed(1))
    .join(" ");
const host = (): string =>
  `Linux ${release()}, ${availableParallelism()} cores, Node ${process.version}, load ${load()}`;

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->`. */
async function put(name: string, text: string): Promise<void> {
  const page = await readFile(PAGE, "utf8");
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  if (!page.includes(start) || !page.includes(end))
    throw new Error(`docs/performance.md has no place for ${name}: write ${start} and ${end}`);
  const [before, rest = ""] = page.split(start);
  await writeFile(PAGE, `${before}${start}\n${text}\n${end}${rest.split(end)[1]}`);
}

for (const [name, bench] of Object.entries(BENCHES)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const begun = performance.now();
  const before = host();
  const result = `${await bench()}\n\n${before} before, ${load()} after; ${((performance.now() - begun) / 1000).toFixed(0)} s.`;
  console.log(`\n${result}`);
  if (values.write) await put(name, result);
}
