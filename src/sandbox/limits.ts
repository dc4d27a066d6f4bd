/** `limits` as properties: systemd.resource-control(5). */
import type { InstanceSpec } from "../spec/schema.ts";
import type { UnitProperty } from "../spec/unit.ts";

const FACTOR: Readonly<Record<string, bigint>> = { "": 1n, K: 1n << 10n, M: 1n << 20n, G: 1n << 30n, T: 1n << 40n };
/** On the bus a share of the physical memory is a fraction of this. */
const WHOLE = 0xffffffffn;

/** Bytes, `512M`, or `50%` of the physical memory (100% at most). */
function memoryMax(size: number | string): UnitProperty {
  const [, digits = "", unit = ""] = /^(\d+)([KMGT%]?)$/.exec(String(size)) ?? [];
  const number = BigInt(digits);
  if (unit !== "%") return ["MemoryMax", number * (FACTOR[unit] ?? 1n)];
  return ["MemoryMaxScale", Number(((number > 100n ? 100n : number) * WHOLE) / 100n)];
}

/** `150%` → 1.5 seconds of CPU a second. */
const cpuQuota = (percent: string): UnitProperty => ["CPUQuotaPerSecUSec", BigInt(percent.slice(0, -1)) * 10_000n];

export function limitProperties({
  memoryMax: memory,
  cpuQuota: cpu,
  tasksMax,
}: InstanceSpec["limits"]): UnitProperty[] {
  return [
    ["TasksMax", BigInt(tasksMax)],
    ...(memory === null ? [] : [memoryMax(memory)]),
    ...(cpu === null ? [] : [cpuQuota(cpu)]),
  ];
}
