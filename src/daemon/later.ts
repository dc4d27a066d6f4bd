/** Work that is put off: many calls, one run. */

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
