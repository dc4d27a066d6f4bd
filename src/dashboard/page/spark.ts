/** What an instance used over the last minutes, as a line. */
import { h, svg } from "./dom.ts";

const [WIDTH, HEIGHT] = [240, 48];

/** `values`: the oldest first, null where nothing is known; `text` is what the last one is. */
export function spark(title: string, text: string, values: readonly (number | null)[]): HTMLElement {
  const known = values.filter((value) => value !== null);
  const most = Math.max(Number.EPSILON, ...known);
  const step = WIDTH / Math.max(1, known.length - 1);
  const points = known.map(
    (value, index) => `${(index * step).toFixed(1)},${(HEIGHT - 2 - (value / most) * (HEIGHT - 6)).toFixed(1)}`,
  );
  const chart =
    known.length < 2
      ? null
      : svg(
          "svg",
          { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
          svg("polygon", { points: `0,${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}` }),
          svg("polyline", { points: points.join(" ") }),
        );
  return h("div", { class: "meter" }, h("h3", {}, title), h("p", { class: "many" }, text), chart);
}
