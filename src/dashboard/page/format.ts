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

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"] as const;
const two = (value: number): string => String(value).padStart(2, "0");

/** `21 Nov, 14:03:22` in the time zone of who looks; of today only the time. Not by Intl, which takes a browser 20 ms to set up. */
export function clock(iso: string, now: number): string {
  const at = new Date(iso);
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  const isToday = at.toDateString() === new Date(now).toDateString();
  return isToday ? time : `${at.getDate()} ${MONTHS[at.getMonth()]}, ${time}`;
}

/** `1,204 packets`, `1 packet` */
export const count = (many: number, one: string, more = `${one}s`): string =>
  `${String(many).replace(/\B(?=(\d{3})+$)/g, ",")} ${many === 1 ? one : more}`;

/** `127.0.0.1:8001`, `[::1]:8001` */
export const endpoint = (listen: { readonly address: string; readonly port: number } | null): string =>
  listen === null ? NOTHING : `${listen.address.includes(":") ? `[${listen.address}]` : listen.address}:${listen.port}`;
