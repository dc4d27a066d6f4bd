/**
 * The sockets that systemd holds for the daemon (systemd.socket(5)): those who ask while it restarts wait in them. Started by
 * hand it has none, and makes its own: see `listenOn` in server.ts.
 */

/** sd_listen_fds(3): SD_LISTEN_FDS_START. */
const FIRST_FD = 3;
const VARIABLES = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"] as const;

/**
 * File descriptors that were passed to this very process, by `FileDescriptorName=`; none when started by hand. Takes the
 * variables out of `env`, so that nothing started from here on takes them for its own. (Node keeps the descriptors
 * themselves from its children: uv_disable_stdio_inheritance at its start.)
 */
export function takeSockets(env: NodeJS.ProcessEnv, pid: number = process.pid): ReadonlyMap<string, number> {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = "" } = env;
  for (const name of VARIABLES) delete env[name];
  const isOurs = LISTEN_PID === String(pid) && /^\d{1,3}$/.test(LISTEN_FDS ?? "");
  const names = isOurs ? LISTEN_FDNAMES.split(":").slice(0, Number(LISTEN_FDS)) : [];
  return new Map(names.map((name, index) => [name, FIRST_FD + index]));
}
