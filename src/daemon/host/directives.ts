/**
 * `sandbox.serviceConfig` is read by systemd, which passes over what it does not understand: an instance would run without
 * a limit that its operator wrote. So systemd is asked first, by systemd-analyze(1) `verify`, about a unit of the same kind.
 */
import { execFile } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { RUNTIME_DIR } from "../../spec/names.ts";
import type { Problem } from "../../spec/problem.ts";
import { plain } from "../text.ts";
import { remove } from "./files.ts";

/** What the directives are added to. */
const UNITS = {
  main: "[Service]\nType=exec\nExecStart=/bin/true\n",
  setup: "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
} as const;
export type Role = keyof typeof UNITS;

const VERIFY = ["verify", "--man=no", "--generators=no", "--recursive-errors=no"];
const TIMEOUT_MS = 10_000;

/** What systemd says against the text of an instance's drop-in; null when it takes all of it. */
export async function checkDirectives(instance: string, role: Role, dropIn: string): Promise<Problem | null> {
  const directory = await mkdtemp(`${RUNTIME_DIR}/verify-`);
  const path = `${directory}/service-config.service`;
  const text = `${UNITS[role]}${dropIn}`;
  try {
    await writeFile(path, text);
    const said = await verify(path, directory);
    return said === null ? null : complaint(instance, text, said, path);
  } finally {
    remove(directory);
  }
}

/** What `systemd-analyze verify` prints of a unit that it does not like; null of one that it does. It makes files of its own. */
const verify = (path: string, directory: string): Promise<string | null> =>
  new Promise((resolve) => {
    const options = { timeout: TIMEOUT_MS, env: { ...process.env, TMPDIR: directory } };
    execFile("systemd-analyze", [...VERIFY, path], options, (error, _stdout, stderr) => {
      resolve(error === null || stderr === "" ? null : stderr); // without systemd-analyze nothing can be said
    });
  });

/** `FILE:LINE: Invalid memory limit 'lots', ignoring: Invalid argument`; or a line about the unit as a whole. Pure. */
export function complaint(instance: string, text: string, said: string, path: string): Problem {
  const [, number = "", about = ""] = new RegExp(`^${path}:(\\d+): (.*)$`, "m").exec(said) ?? [];
  const directive = text.split("\n")[Number(number) - 1]?.trim() ?? "";
  const name = /^[A-Za-z0-9]+/.exec(directive)?.[0];
  const why = name === undefined ? (said.split("\n")[0] ?? "") : about;
  return {
    instance,
    field: name === undefined ? "sandbox.serviceConfig" : `sandbox.serviceConfig.${name}`,
    what: `systemd does not take ${plain(directive) || "it"}: ${plain(why.replace(/,? ignoring(: .*)?$/, ""))}`,
    fix: "write it as systemd.exec(5), systemd.service(5) or systemd.resource-control(5) say, or take it out",
  };
}
