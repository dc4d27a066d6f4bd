/** `sandbox.serviceConfig`: the operator's own directives, as the text of a drop-in, which systemd applies last. */
import { ProblemError } from "../spec/problem.ts";
import type { InstanceSpec } from "../spec/schema.ts";
import mainOnly from "./main-only.json" with { type: "json" };

type Configured = Pick<InstanceSpec, "name" | "sandbox">;
type Value = string | number | boolean;

/**
 * Directives about running a server; on the oneshot they mean something else, or make systemd refuse it (`Restart=always`).
 * systemd.service(5).
 */
const MAIN_ONLY = new RegExp(`^(${mainOnly.join("|")})`);
/** What ends a line. */
const UNSAFE = /[\n\r\0]/;

const render = (value: Value): string => (typeof value === "boolean" ? (value ? "yes" : "no") : String(value));

function lines(spec: Configured, name: string, value: Value | readonly Value[]): string[] {
  const values = (typeof value === "object" ? value : [value]).map(render);
  if (!/^[A-Z][A-Za-z0-9]*$/.test(name) || values.some((text) => UNSAFE.test(text))) {
    throw new ProblemError({
      instance: spec.name,
      field: `sandbox.serviceConfig.${name}`,
      what: "is not one directive on one line",
      fix: "write a directive's name, and values without a line break",
    });
  }
  return values.map((text) => `${name}=${text}`);
}

/**
 * `Name=value` for each value, sorted by name: the order in the file means nothing.
 * @throws ProblemError for a value that would be more than one directive
 */
export const directives = (spec: Configured, wanted: (name: string) => boolean = () => true): string[] =>
  Object.entries(spec.sandbox.serviceConfig)
    .filter(([name]) => wanted(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]) => lines(spec, name, value));

/** The drop-in's text, or null when there is nothing to override. Throws as {@link directives} does. */
export function dropIn(spec: Configured, role: "main" | "setup" = "main"): string | null {
  const found = directives(spec, (name) => role === "main" || !MAIN_ONLY.test(name));
  // A backslash at the end joins the next line, which is then an empty one.
  const text = found.map((line) => `${line}\n${line.endsWith("\\") ? "\n" : ""}`).join("");
  return text === "" ? null : `[Service]\n${text}`;
}
