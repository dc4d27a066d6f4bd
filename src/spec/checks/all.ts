/** The table of checks: what must hold of instances that have the right shape. */
import type { Problem } from "../problem.ts";
import type { Check, CrossCheck, Subject } from "./check.ts";
import { configFileChecks } from "./config-files.ts";
import { identityChecks } from "./identity.ts";
import { listenChecks, listenCrossChecks } from "./listen.ts";
import { paths } from "./paths.ts";
import { processChecks } from "./process.ts";

const CHECKS: readonly Check[] = [...identityChecks, ...processChecks, ...listenChecks, ...configFileChecks];
const CROSS_CHECKS: readonly CrossCheck[] = [...listenCrossChecks, paths];

/** All that is wrong with the instances of a file, by themselves and beside each other; unordered, with repetitions. */
export function* check(subjects: readonly Subject[]): Generator<Problem> {
  for (const subject of subjects) {
    for (const one of CHECKS) {
      for (const fault of one(subject)) yield { instance: subject.spec.name, ...fault };
    }
  }
  for (const cross of CROSS_CHECKS) yield* cross(subjects);
}
