/** The followers there are, each loaded when the first instance asks for it. */
import type { HostFiles } from "../host/host-files.ts";
import type { View } from "../instance/view.ts";
import type { SupervisorPorts } from "../supervisor.ts";
import type { Systemd } from "../systemd/port.ts";
import { type Follower, onceAsked } from "./asked.ts";

/** `report` takes in what a follower learnt of an instance. */
export function followers(
  { systemd, hostFiles }: { systemd: Systemd; hostFiles: HostFiles },
  events: SupervisorPorts["events"],
  report: (name: string, change: Partial<View>) => void,
): readonly Follower[] {
  const trouble = (what: string) => (error: unknown) => events.trouble(what, error);
  const places = async () => new (await import("./places.ts")).Places(trouble("inotify"));
  return [
    onceAsked(
      ({ wanted }) => wanted !== null,
      async () => {
        const { hostFilesWatch } = await import("./host-files.ts");
        return hostFilesWatch(hostFiles, await places());
      },
    ),
    onceAsked(
      ({ wanted }) => (wanted?.spec.sandbox.unixSockets.allow.length ?? 0) > 0,
      async () => {
        const { SocketWatch } = await import("./sockets.ts");
        const bind = systemd.bindMount.bind(systemd);
        return new SocketWatch({ bind, tell: events.socket, trouble: trouble("sockets") }, await places());
      },
    ),
    onceAsked(
      ({ wanted }) => wanted?.spec.restartOnSecretChange === true,
      async () => {
        const { SecretWatch } = await import("./secrets.ts");
        return new SecretWatch({ report, tell: events.rotated, trouble: trouble("secrets") }, await places());
      },
    ),
  ];
}
