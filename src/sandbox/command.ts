/** The command line of the server. Model and provider are no flags of `serve`; they belong in the config. */
import type { InstanceSpec } from "../spec/schema.ts";

type Commanded = Pick<InstanceSpec, "command" | "package" | "listen" | "logLevel" | "extraArgs">;

/** The program and its leading arguments: `command`, the package's, or what PATH has. */
function program({ command, package: directory }: Commanded): readonly string[] {
  return command ?? [directory === null ? "opencode" : `${directory}/bin/opencode`];
}

/** `opencode serve --print-logs --hostname … --port … [--log-level …]`, then `extraArgs` in order. */
export function serveCommand(spec: Commanded): string[] {
  const { address, port } = spec.listen;
  const level = spec.logLevel === null ? [] : ["--log-level", spec.logLevel];
  const listen = ["--hostname", address, "--port", String(port)];
  return [...program(spec), "serve", "--print-logs", ...listen, ...level, ...spec.extraArgs];
}
