/** Prometheus' text format (its documentation, "Exposition formats", version 0.0.4). Pure. */
import type { Histogram } from "./histogram.ts";

export type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [value: number, labels?: Labels];

const escaped = (text: string): string => text.replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`));

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

const head = (name: string, type: string, help: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;

/** One metric with all its series; empty when it has none. */
export function family(name: string, type: "gauge" | "counter", help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return "";
  const lines = samples.map(([value, labels = {}]) => `${name}${labelText(labels)} ${value}\n`);
  return head(name, type, help) + lines.join("");
}

/** A histogram, its buckets cumulative as the format wants them. */
export function histogram(name: string, help: string, { bounds, counts, sum }: Histogram): string {
  let total = 0;
  const lines = counts.map((count, index) => {
    total += count;
    return `${name}_bucket{le="${bounds[index] ?? "+Inf"}"} ${total}\n`;
  });
  return `${head(name, "histogram", help)}${lines.join("")}${name}_sum ${sum}\n${name}_count ${total}\n`;
}
