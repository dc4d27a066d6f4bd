/** Where events go: the journal and the ring, each the same. */
import type { EventRing, Fields } from "./ring.ts";

/** Takes an event: its kind, instance and fields, and the line for a person. A pino logger is one. */
export interface EventSink {
  info(fields: Fields, text: string): void;
  warn(fields: Fields, text: string): void;
  error(fields: Fields, text: string): void;
}

/** A sink that keeps what it is told until there is somebody to tell, who then hears all of it in order. */
export function heldBack(): EventSink & { tell(log: EventSink): void } {
  let log: EventSink | null = null;
  const kept: ((log: EventSink) => void)[] = [];
  const say = (line: (log: EventSink) => void): void => void (log === null ? kept.push(line) : line(log));
  return {
    info: (fields, text) => say((to) => to.info(fields, text)),
    warn: (fields, text) => say((to) => to.warn(fields, text)),
    error: (fields, text) => say((to) => to.error(fields, text)),
    tell: (to) => {
      log = to;
      for (const line of kept.splice(0)) line(to);
    },
  };
}

/** A sink that tells the ring and then the log. */
export const tellBoth = (log: EventSink, ring: EventRing): EventSink => ({
  info: (fields, text) => {
    ring.add("info", fields, text);
    log.info(fields, text);
  },
  warn: (fields, text) => {
    ring.add("warning", fields, text);
    log.warn(fields, text);
  },
  error: (fields, text) => {
    ring.add("error", fields, text);
    log.error(fields, text);
  },
});
