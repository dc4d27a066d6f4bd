/** Exit statuses of the setup unit's processes, after sysexits.h(3head); the daemon explains a failed setup by them. */
export const EXIT = {
  ok: 0,
  /** Wrong arguments: not started by the supervisor. */
  usage: 64,
  /** opencode-init: the system refused (no Landlock scopes, no process). */
  osError: 71,
  /** Something stands in the way, or the disk is full. */
  cannotCreate: 73,
  /** The instance's user may not. */
  noPermission: 77,
  /** The operator's part: `directory`, the config or a projected file is missing or unusable. */
  config: 78,
  /** opencode-init: the program is there and cannot be executed. */
  notExecutable: 126,
  /** opencode-init: there is no such program. */
  notFound: 127,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];
