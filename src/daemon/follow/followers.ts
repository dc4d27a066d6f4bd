/** The followers there are, each loaded when the first instance asks for it. */
import type { SupervisorPorts } from "../supervisor.ts";
import type { Systemd } from "../systemd/port.ts";
import { type Follower, onceAsked } from "./asked.ts";

export function followers(systemd: Systemd, events: SupervisorPorts["events"]): readonly Follower[] {
  const trouble = (error: unknown): void => events.trouble("inotify", error);
  return [
    onceAsked(
      ({ wanted }) => (wanted?.spec.sandbox.unixSockets.allow.length ?? 0) > 0,
      async () => {
        const [{ SocketWatch }, { Places }] = await Promise.all([import("./sockets.ts"), import("./places.ts")]);
        const bind = systemd.bindMount.bind(systemd);
        const tell = events.socket;
        return new SocketWatch(
          { bind, tell, trouble: (error) => events.trouble("sockets", error) },
          new Places(trouble),
        );
      },
    ),
  ];
}
