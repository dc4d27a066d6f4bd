/** `credentials NAME` and `attach NAME`: how to reach an instance's server. The password is read where only root can. */
import { spawn } from "node:child_process";
import { InstanceStatus } from "../daemon/api/model.ts";
import { SERVER_USER } from "../daemon/host/credentials.ts";
import { readText } from "../daemon/host/files.ts";
import { credentialFile } from "../spec/names.ts";
import type { Attachment, Credentials } from "./answers.ts";
import { detailOf, get, understood } from "./client.ts";
import { type Call, Unavailable } from "./command.ts";
import { EX } from "./exit.ts";
import { failed, unknownInstance, writeJson, writeLines } from "./output.ts";
import { columns } from "./table.ts";

export async function credentials(name: string, json: boolean): Promise<number> {
  const found = await find(name);
  if (typeof found === "number") return found;
  if (json) writeJson(found);
  else writeLines(columns(Object.entries(found).map(([key, value]) => [key, value])));
  return EX.OK;
}

/** opencode's interface to the instance's server; the password goes by the environment, where nobody else sees it. */
export async function attach(name: string, args: readonly string[], { program = "opencode", json }: Call["options"]) {
  const command = (url: string): readonly string[] => ["attach", url, ...args];
  if (json === true) return attachment(name, String(program), command);
  const found = await find(name);
  if (typeof found === "number") return found;
  const env = { ...process.env, OPENCODE_SERVER_USERNAME: found.user, OPENCODE_SERVER_PASSWORD: found.password };
  return new Promise<number>((resolve) => {
    const child = spawn(String(program), command(found.url), { stdio: "inherit", env });
    child.on("error", (error) =>
      resolve(failed(EX.UNAVAILABLE, `${program} cannot be run (${error.message}); write --program /path/to/opencode`)),
    );
    child.on("exit", (code) => resolve(code ?? EX.FAILURE));
  });
}

/** What would be run, with nothing in it that only root may know. */
async function attachment(name: string, program: string, command: (url: string) => readonly string[]): Promise<number> {
  const found = await asked(name);
  if (found === null) return unknownInstance(name);
  const { listen, directory } = found;
  if (listen === null) return failed(EX.UNAVAILABLE, `${name} is ${found.state}: it has no address`);
  const url = urlOf(listen);
  const environment = ["OPENCODE_SERVER_USERNAME", "OPENCODE_SERVER_PASSWORD"];
  writeJson({ url, directory, program, arguments: [...command(url)], environment } satisfies Attachment);
  return EX.OK;
}

/** Null when there is no such instance. */
async function asked(name: string): Promise<InstanceStatus | null> {
  const answer = await get(`/v1/instances/${encodeURIComponent(name)}`);
  if (answer.status === 409) throw new Unavailable(detailOf(answer));
  return answer.status === 404 ? null : understood(InstanceStatus, answer.body);
}

/** Address, user and password; or the exit status, when that was said why not. */
async function find(name: string): Promise<Credentials | number> {
  if (process.getuid?.() !== 0) return failed(EX.NOPERM, "only root may read the passwords of instances");
  const instance = await asked(name);
  if (instance === null) return unknownInstance(name);
  const { listen, state } = instance;
  const password = passwordIn(readText(credentialFile(name)) ?? "");
  if (listen === null || password === null)
    return failed(EX.UNAVAILABLE, `${name} is ${state}: it was not started yet and has no password`);
  return { url: urlOf(listen), user: SERVER_USER, password };
}

/** Where to connect: a server that listens everywhere is reached on loopback. */
export function urlOf({ address, port }: { address: string; port: number }): string {
  const host = EVERYWHERE[address] ?? address;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
const EVERYWHERE: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** The password in a line of an `EnvironmentFile=`, its quotes undone (systemd.exec(5)). */
export function passwordIn(text: string): string | null {
  const quoted = /^OPENCODE_SERVER_PASSWORD="(.*)"$/m.exec(text)?.[1];
  return quoted === undefined ? null : quoted.replace(/\\(.)/g, "$1");
}
