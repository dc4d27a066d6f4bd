/** What follows files is loaded when the first instance asks for it: few do, and the daemon starts sooner without. */
import type { View } from "../instance/view.ts";

export interface Follower {
  /** Told of every change of a view. */
  follow(view: View): void;
  close(): void;
}

/**
 * A follower that is loaded once a view asks for it. From then on it is told of every view, so that it learns of those that
 * ask no more.
 */
export function onceAsked(asks: (view: View) => boolean, load: () => Promise<Follower>): Follower {
  let loaded: Follower | null = null;
  let waiting: Map<string, View> | null = null;
  let closed = false;
  const begin = async (): Promise<void> => {
    const follower = await load();
    if (closed) return follower.close();
    loaded = follower;
    for (const view of waiting?.values() ?? []) follower.follow(view);
    waiting = null;
  };
  return {
    follow: (view) => {
      if (loaded !== null) return loaded.follow(view);
      if (waiting !== null) return void waiting.set(view.name, view);
      if (!asks(view)) return;
      waiting = new Map([[view.name, view]]);
      void begin();
    },
    close: () => {
      closed = true;
      loaded?.close();
    },
  };
}
