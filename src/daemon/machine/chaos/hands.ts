/** What chaos does, by seed: pure, so that a run can be had again. Rounds are shell text for a machine. */
import { createHash } from "node:crypto";
import { fileOf, type Instances, light } from "../testing.ts";

/** Numbers in [0, 1) that follow from the seed, and from how many were asked for. */
export function randomOf(seed: number): () => number {
  let asked = 0;
  return () => createHash("sha256").update(`${seed} ${asked++}`).digest().readUInt32BE() / 2 ** 32;
}
type Random = () => number;
const below = (random: Random, count: number): number => Math.floor(random() * count);

const isolation = (cidr: string) => ({ networkIsolation: { enable: true, outboundAllowCidrs: [cidr] } });
/** Killed again and again, they are to come back at once. */
const HASTY = {
  sandbox: { serviceConfig: { RestartSec: "100ms", RestartMaxDelaySec: "200ms", StartLimitBurst: 100000 } },
};
/** Sends one packet after the other to where it may not, counts them, and ends with the file `stop`. */
export const NOISE = "192.0.2.9";
const NOISY = [
  `n=0; until [ -e stop ]; do (echo x >/dev/udp/${NOISE}/9) 2>/dev/null; n=$((n+1)); sleep 0.05; done;`,
  "echo $n >sent.new; mv sent.new sent; exec sleep infinity",
].join(" ");

const named = (role: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${role}${index}`);

export interface Cast {
  /** Never touched by anything: each is to run through it all. */
  readonly steady: readonly string[];
  /** Killed. */
  readonly victims: readonly string[];
  /** Changed, taken out of the file and put back. */
  readonly flappers: readonly string[];
  /** Never touched, and refused something all the time. */
  readonly noisy: readonly string[];
}
export const castOf = (count: number): Cast => {
  const [victims, flappers, noisy] = [named("victim", 4), named("flapper", 8), named("noisy", 2)];
  const rest = count - victims.length - flappers.length - noisy.length;
  return { steady: named("steady", rest), victims, flappers, noisy };
};

/** The file as it is at rest. */
export function fileAtRest({ steady, victims, flappers, noisy }: Cast): Instances {
  let port = 20_000;
  const each = (names: readonly string[], make: (name: string, port: number, index: number) => Instances[string]) =>
    names.map((name, index) => [name, make(name, port++, index)] as const);
  return Object.fromEntries([
    ...each(steady, (name, port, index) => light(name, port, index % 2 === 0 ? isolation("192.0.2.128/25") : {})),
    ...each(victims, (name, port) => light(name, port, { ...isolation("192.0.2.128/25"), ...HASTY })),
    ...each(flappers, (name, port) => light(name, port, isolation("192.0.2.128/25"))),
    ...each(noisy, (name, port) => ({
      ...light(name, port, isolation("192.0.2.128/25")),
      command: ["/bin/bash", "-c", NOISY],
    })),
  ]);
}

/** What may become of a flapper in the file; null: it is not in it. */
const FATES: readonly ((fields: Instances[string] & object, mark: string) => Instances[string] | null)[] = [
  (fields) => fields,
  () => null,
  (fields, mark) => ({ ...fields, environment: { MARK: mark } }),
  (fields, mark) => ({ ...fields, ...isolation(`198.51.100.${mark}/32`) }),
  (fields) => ({ ...fields, enable: false }),
];

/** Another file: the flappers differ, nobody else does; one in six is cut off in the middle. */
export function flapped(random: Random, cast: Cast): string {
  const rest = fileAtRest(cast);
  const entries = Object.entries(rest).flatMap(([name, fields]) => {
    if (!cast.flappers.includes(name)) return [[name, fields] as const];
    const fate = FATES[below(random, FATES.length)]?.(fields, String(below(random, 200))) ?? null;
    return fate === null ? [] : [[name, fate] as const];
  });
  const text = fileOf(Object.fromEntries(entries));
  return below(random, 6) === 0 ? text.slice(0, Math.floor(random() * text.length)) : text;
}

export const KILLED = "killed";
/** A service is not restarted more than StartLimitBurst= times, not even by us: its count is cleared first. */
const restart = (unit: string): string =>
  `timeout 20 systemctl reset-failed ${unit}; timeout 20 systemctl restart ${unit}`;

/** The hands, by name → what each does. `file` is where a file to be put in place lies. */
export const HANDS = {
  kill: () =>
    `pid=$(timeout 5 systemctl show --value -p MainPID opencode-supervisor) && [ "$pid" -gt 0 ] && kill -9 "$pid" && echo ${KILLED}`,
  flap: (_random: Random, _cast: Cast, file: string) => `mv -T ${file} /etc/opencode/instances.json`,
  "kill an instance": (random: Random, { victims }: Cast) =>
    `timeout 5 systemctl kill --signal=KILL opencode-${victims[below(random, victims.length)]}.service`,
  "daemon-reload": () => "timeout 20 systemctl daemon-reload",
  "daemon-reexec": () => "timeout 20 systemctl daemon-reexec",
  "restart of the bus": () => restart("dbus.service"),
  "restart of the journal": () => restart("systemd-journald.service"),
} as const satisfies Readonly<Record<string, (random: Random, cast: Cast, file: string) => string>>;
export type Hand = keyof typeof HANDS;
const isHand = (name: string): name is Hand => Object.hasOwn(HANDS, name);
const ALL = Object.keys(HANDS).filter(isHand);
/** The others of a round in which the file flaps and the daemon is killed in the middle of it. */
const OTHERS = ALL.filter((hand) => hand !== "kill" && hand !== "flap");
/** Within so many milliseconds all hands of a round fall. */
const SPAN_MS = 400;

export interface Round {
  readonly hands: readonly Hand[];
  /** What the file is to be meanwhile. */
  readonly file: string;
  /** Shell text that does it all at once; says {@link KILLED} for each daemon that it killed. */
  readonly script: (filePath: string) => string;
}

/** @param kills false for a round in which the daemon is to live on */
export function roundOf(random: Random, cast: Cast, kills: boolean): Round {
  const others = OTHERS.filter(() => random() < 0.4);
  const hands: readonly Hand[] = ["flap", ...others, ...(kills ? (["kill"] as const) : [])];
  const file = flapped(random, cast);
  const lines = hands.map((hand) => {
    const after = (random() * SPAN_MS) / 1000;
    return (path: string) => `(sleep ${after.toFixed(3)}; ${HANDS[hand](random, cast, path)}) 2>&1 &`;
  });
  return { hands, file, script: (path) => [...lines.map((line) => line(path)), "wait"].join("\n") };
}
