/** The same instances without a supervisor: static unit files, made from what systemd wrote down of the transient ones. */
import { mainUnit, setupUnit } from "../src/spec/names.ts";
import type { Machine } from "../testbed/machine.ts";

/** Where systemd writes transient units down, and whence it reads them after a daemon-reload. */
const TRANSIENT = "/run/systemd/transient";
const RUNTIME = "/run/opencode-supervisor";
const KEPT = "/run/kept";

export interface Pairs {
  readonly units: readonly string[];
  /** Puts in place what the units bind and read; takes away what is left of a run before. */
  readonly reset: () => Promise<void>;
}

/** While the supervisor's instances run: keeps what they bind, and writes `static-<name>` pairs with their properties. */
export async function staticPairs(machine: Machine, names: readonly string[]): Promise<Pairs> {
  await machine.sh(
    `rm -rf ${KEPT}; cp -a ${RUNTIME} ${KEPT}
     while read -r name; do
       for role in "" -setup; do
         sed "s/opencode-$name-setup\\.service/static-$name-setup.service/" ${TRANSIENT}/opencode-$name$role.service \\
           >/etc/systemd/system/static-$name$role.service
       done
     done
     systemctl daemon-reload`,
    { input: `${names.join("\n")}\n` },
  );
  const reset = async () => {
    await machine.sh(`systemctl stop 'static-*' opencode.slice; rm -rf ${RUNTIME}; cp -a ${KEPT} ${RUNTIME}`);
  };
  return { units: names.map((name) => mainUnit(name).replace("opencode-", "static-")), reset };
}

/** What one would write by hand: ten directives of systemd.exec(5). */
const HARDENING = `NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes`;

const plainUnit = (head: string, name: string, rest: string): string =>
  `[Unit]
Description=plain ${head}
[Service]
User=opencode-${name}
StateDirectory=plain/${name}
Environment=HOME=/var/lib/plain/${name}
${HARDENING}
ReadWritePaths=/srv/${name}
${rest}`;

/** Pairs as a shell script would set them up: `mkdir`, `ln`, no Node, a light sandbox. */
export async function plainPairs(
  machine: Machine,
  names: readonly string[],
  command: readonly string[],
): Promise<Pairs> {
  const quoted = command.map((word) => `"${word}"`).join(" ");
  const files = names.flatMap((name) => [
    [
      setupUnit(name),
      plainUnit(
        `${name}: setup`,
        name,
        `Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -ec 'mkdir -p $$HOME/.config/opencode $$HOME/.local/share/opencode; \\
ln -sfn /etc/opencode/opencode.json $$HOME/.config/opencode/opencode.json'\n`,
      ),
    ],
    [
      mainUnit(name),
      plainUnit(name, name, `Type=exec\nExecStart=${quoted}\nWorkingDirectory=/srv/${name}\n`).replace(
        "[Service]",
        `Requires=plain-${name}-setup.service\nAfter=plain-${name}-setup.service\n[Service]`,
      ),
    ],
  ]);
  const text = files
    .map(([unit = "", content = ""]) => `${unit.replace("opencode-", "plain-")}\0${content}\0`)
    .join("");
  await machine.sh(
    `while IFS= read -r -d "" unit && IFS= read -r -d "" content; do printf %s "$content" >"/etc/systemd/system/$unit"; done
     systemctl daemon-reload`,
    { input: text },
  );
  const reset = async () => {
    await machine.sh("systemctl stop 'plain-*'");
  };
  return { units: names.map((name) => mainUnit(name).replace("opencode-", "plain-")), reset };
}
