/** Work that is put off, many calls for one run; and work that is not waited for for ever. */

/** Runs `work` some time after the first of many calls; the process does not stay for it. */
export function debounced(work: () => void, milliseconds: number): () => void {
  let pending = false;
  return () => {
    if (pending) return;
    pending = true;
    setTimeout(() => {
      pending = false;
      work();
    }, milliseconds).unref();
  };
}

/** Runs `work` once it has not been called for some time; the process does not stay for it. */
export function settled(work: () => void, milliseconds: number): () => void {
  let timer: NodeJS.Timeout | null = null;
  return () => {
    if (timer === null) timer = setTimeout(work, milliseconds).unref();
    else timer.refresh();
  };
}

/** Resolves with `work`, or when so much time has passed. */
export async function withDeadline(work: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, deadline]);
  clearTimeout(timer);
}
