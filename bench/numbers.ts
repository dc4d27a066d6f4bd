/** Medians, spreads and tables: what every bench reports with. Pure. */

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const [low = Number.NaN, high = Number.NaN] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (low + high) / 2;
};

/** The value below which this part of all of them is: 0.25 is the lower quartile. */
export const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * part)] ?? Number.NaN;

/** `9.62 (9.58–9.75)`: the median, and between what the single runs were; `unit` is put behind. */
export function spread(values: readonly number[], digits: number, unit = ""): string {
  const text = (value: number) => value.toFixed(digits);
  const behind = unit === "" ? "" : ` ${unit}`;
  if (values.length === 1) return `${text(median(values))}${behind}`;
  return `${text(median(values))}${behind} (${text(Math.min(...values))}–${text(Math.max(...values))})`;
}

/** Run by run, how many times `b` is in `a`: neighbours in time saw the same machine. */
export const ratios = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((value, index) => value / (b[index] ?? Number.NaN));

/** A Markdown table, its columns padded so that it reads as text too. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [head, widths.map((width) => "-".repeat(width)), ...body].map(line).join("\n");
}

/** `yes`, or `NO`: whether the median keeps to the target. */
export const kept = (values: readonly number[], most: number): string => (median(values) <= most ? "yes" : "NO");
