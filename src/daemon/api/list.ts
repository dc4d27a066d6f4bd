/**
 * The list of all instances as bytes. What many ask for is made once: each instance's part for as long as its view is the same
 * object, and the whole for as long as all parts are. Nothing has to be told when something changes; those who read slowly
 * share one buffer.
 */
import type { View } from "../instance/view.ts";
import { byName, instanceStatus, type Snapshot, unrunStatuses } from "../status.ts";

interface Part {
  readonly name: string;
  readonly observedAt: number | null;
  readonly text: string;
}

/** The answer of `GET /v1/instances`. */
export function instanceList(snapshot: () => Snapshot): () => Buffer {
  const parts = new WeakMap<View, Part>();
  let from: readonly unknown[] = [];
  let bytes: Buffer | null = null;
  const partOf = (view: View, observedAt: number | null): Part => {
    const known = parts.get(view);
    if (known?.observedAt === observedAt) return known;
    const part = { name: view.name, observedAt, text: JSON.stringify(instanceStatus(view, observedAt)) };
    parts.set(view, part);
    return part;
  };
  return () => {
    const now = snapshot();
    const running = now.views.map((view) => partOf(view, now.egress.observedAt(view.name)));
    const sources = [now.file, ...running];
    if (bytes !== null && isSame(from, sources)) return bytes;
    const others = unrunStatuses(now).map((status) => ({ name: status.name, text: JSON.stringify(status) }));
    const texts = [...running, ...others].sort(byName).map(({ text }) => text);
    from = sources;
    bytes = Buffer.from(`{"instances":[${texts.join(",")}]}`);
    return bytes;
  };
}

const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((each, index) => each === b[index]);
