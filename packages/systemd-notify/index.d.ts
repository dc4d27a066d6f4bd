/**
 * Sends `state` (newline-separated assignments such as `READY=1`, at most 4095 bytes) to the service manager, from this
 * very process, so that `NotifyAccess=main` accepts it. May block for up to a second while the manager's queue is full.
 * A `RELOADING=1` wants `MONOTONIC_USEC=` beside it. See sd_notify(3).
 *
 * @returns false, having sent nothing, when `$NOTIFY_SOCKET` is not set: the process was not started by a manager.
 * @throws Error with `code` (`ECONNREFUSED`, `ENOENT`, `EAGAIN`, `EMSGSIZE`, …) and the errno's text when sending fails.
 */
export function notify(state: string): boolean;

/** Gives memory that was freed back to the kernel, as sd_event_trim_memory(3) does: malloc_trim(3). Takes some milliseconds. */
export function trimMemory(): void;
