import { EXIT, type ExitStatus } from "./exit.ts";

/** A reason not to start the server. Its message is one line without the `setup: ` in front. */
export class Failure extends Error {
  readonly exit: ExitStatus;
  constructor(exit: ExitStatus, what: string, fix: string) {
    super(`${what}; ${fix}`);
    this.exit = exit;
  }
}

/** Who this runs as, for `chown`. systemd sets `$USER`. */
export const user = process.env.USER ?? String(process.getuid?.());

const MAY_NOT = new Set(["EACCES", "EPERM", "EROFS"]);

/** Whether a system call failed with one of these. */
export const isErrno = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);

/** What a system call's error means here. Anything but a system error is thrown on. */
export function failureOf(error: unknown, doing: string, path: string): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof Error && "code" in error && typeof error.code === "string")) throw error;
  if (MAY_NOT.has(error.code))
    return new Failure(
      EXIT.noPermission,
      `cannot ${doing} ${path} as user ${user} (${error.code})`,
      `run: chown ${user} ${path}, or the directory above it`,
    );
  return new Failure(
    EXIT.cannotCreate,
    `cannot ${doing} ${path} (${error.code})`,
    "see that the disk is neither full nor broken",
  );
}
