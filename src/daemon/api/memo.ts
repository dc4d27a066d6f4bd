/**
 * What many ask for, as bytes that are made once. It is derived each time anew whether it still holds: by the identity of
 * what it is made from. Those who read slowly share one buffer.
 */
export function memoJson(parts: () => readonly unknown[], make: () => unknown): () => Buffer {
  let from: readonly unknown[] | null = null;
  let bytes = Buffer.alloc(0);
  return () => {
    const now = parts();
    if (from === null || !isSame(from, now)) {
      from = now;
      bytes = Buffer.from(JSON.stringify(make()));
    }
    return bytes;
  };
}

const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((each, index) => each === b[index]);
