/**
 * The table of metrics in docs/reference/metrics.md. `node src/daemon/metrics/reference.ts --write` makes it anew; a test says
 * when it is stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { METRICS } from "./metrics.ts";

export const PAGE_FILE = new URL("../../../docs/reference/metrics.md", import.meta.url);
const START = "<!-- metrics: made by src/daemon/metrics/reference.ts -->";
const END = "<!-- end of metrics -->";

/** `page` with its table made anew. Throws when it has lost the marks around it. */
export function withMetrics(page: string): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`docs/reference/metrics.md has lost its marks ${START} and ${END}`);
  const rows = METRICS.map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`);
  const table = ["| name | type | what |", "| --- | --- | --- |", ...rows].join("\n");
  return `${page.slice(0, start)}${START}\n${table}\n${page.slice(end)}`;
}

if (import.meta.main && process.argv.includes("--write"))
  writeFileSync(PAGE_FILE, withMetrics(readFileSync(PAGE_FILE, "utf8")));
