/** Numbers and times as a person reads them. Pure. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `316 MiB`, `1.4 GiB`; a dash for what the host does not count. */
export function bytes(value: number | null): string {
  if (value === null) return NOTHING;
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10)));
  const scaled = value / 1024 ** power;
  return `${scaled.toFixed(scaled < 10 && power > 2 ? 1 : 0)} ${UNITS[power]}`;
}

/** `3.2 %` of one core. */
export const percent = (share: number | null): string =>
  share === null ? NOTHING : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

export const NOTHING = "–";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `4 min`, `3 h`, `2 d`: how long, in the largest unit that fits. */
export function duration(milliseconds: number): string {
  const [unit, word] = milliseconds >= DAY ? [DAY, "d"] : milliseconds >= HOUR ? [HOUR, "h"] : [MINUTE, "min"];
  return milliseconds < MINUTE ? "under 1 min" : `${Math.floor(milliseconds / Number(unit))} ${word}`;
}

/** `just now`, `4 min ago`. */
export function ago(iso: string | null, now: number): string {
  if (iso === null) return NOTHING;
  const passed = now - Date.parse(iso);
  return passed < MINUTE ? "just now" : `${duration(passed)} ago`;
}

/** `21 Nov, 14:03:22` in the time zone of who looks; of today only the time. */
export function clock(iso: string, now: number): string {
  const at = new Date(iso);
  const time = at.toLocaleTimeString("en-GB");
  const isToday = at.toDateString() === new Date(now).toDateString();
  return isToday ? time : `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}

export const count = (many: number, one: string, more = `${one}s`): string =>
  `${many.toLocaleString("en-GB")} ${many === 1 ? one : more}`;

/** `127.0.0.1:8001`, `[::1]:8001` */
export const endpoint = (listen: { readonly address: string; readonly port: number } | null): string =>
  listen === null ? NOTHING : `${listen.address.includes(":") ? `[${listen.address}]` : listen.address}:${listen.port}`;
