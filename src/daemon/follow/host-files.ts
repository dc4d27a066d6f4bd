/** The host's files that instances see are kept as they are on the host, also for those that run (`host/host-files.ts`). */
import type { HostFiles } from "../host/host-files.ts";
import { debounced } from "../later.ts";
import type { Follower } from "./asked.ts";
import type { Places } from "./places.ts";

/** A file is often written in several goes. */
const BURST_MS = 50;

export function hostFilesWatch(files: HostFiles, places: Places): Follower {
  const refresh = debounced(() => files.refresh(), BURST_MS);
  const followings = files.paths.map((path) => places.follow(path, refresh, { whole: true }));
  return {
    follow: () => undefined, // it is the same for all
    close: () => {
      for (const following of followings) following.close();
    },
  };
}
