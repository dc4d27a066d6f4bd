import { createRequire } from "node:module";

const { send, trim } = createRequire(import.meta.url)("./build/Release/systemd_notify.node");

export function notify(state) {
  const address = process.env.NOTIFY_SOCKET;
  if (address === undefined || address === "") return false;
  send(address, state);
  return true;
}

export const trimMemory = trim;
