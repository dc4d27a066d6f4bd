/**
 * Method calls on a bus connection. dbus-daemon refuses the 129th that waits for its reply (`max_replies_per_connection`
 * of dbus-daemon(1)): with hundreds of instances calls must wait their turn here.
 */
import { DBusError, type Message, type MessageBus } from "dbus-native";
import { slots } from "../slots.ts";
import { SystemdError } from "./port.ts";

/** Answers with the reply's value; throws {@link SystemdError}. */
export type Call = (message: Message) => Promise<unknown>;

const AT_ONCE = 64;
/** systemd answers nobody while it starts what is queued: 25 s, dbus-native's own measure, pass when hundreds are. */
const TIMEOUT_MS = 180_000;

/** How to make calls on this connection; all of them are to share one of these. */
export function callsOn(bus: MessageBus): Call {
  const { acquire, release } = slots(AT_ONCE);
  return async (message) => {
    await acquire();
    try {
      return await invoke(bus, message);
    } catch (error) {
      throw toSystemdError(error);
    } finally {
      release();
    }
  };
}

/** By callback: a promise of dbus-native's own takes a stack trace for every call. */
const invoke = (bus: MessageBus, message: Message): Promise<unknown> =>
  new Promise((resolve, reject) => {
    bus.invoke(message, { timeout: TIMEOUT_MS }, (error, value: unknown) => {
      if (error) reject(error);
      else resolve(value);
    });
  });

function toSystemdError(error: unknown): SystemdError {
  if (!(error instanceof DBusError)) return new SystemdError("Disconnected", String(error), { cause: error });
  return new SystemdError(error.dbusName ?? "Disconnected", error.message, { cause: error });
}
