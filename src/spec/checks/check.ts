/** What a check is: a look at one instance, or at all of them together, that yields what is wrong. */

import type { Problem } from "../problem.ts";
import type { InstanceSpec } from "../schema.ts";

/** A mistake in the instance at hand. */
export type Fault = Omit<Problem, "instance">;

/** An instance to check. */
export interface Subject {
  readonly spec: InstanceSpec;
  /** Whether the file has something right in that field; otherwise what the spec has there means nothing. */
  readonly has: (field: string) => boolean;
}

/** Looks at one instance by itself. */
export type Check = (subject: Subject) => Iterable<Fault>;
/** Looks at all instances of a file together. */
export type CrossCheck = (subjects: readonly Subject[]) => Iterable<Problem>;

/** The items of a list field that the file has right, each with its place: `["extraArgs[1]", "--pure"]`. */
export function items<T>({ has }: Subject, field: string, list: readonly T[]): (readonly [string, T])[] {
  return list.map((item, index) => [`${field}[${index}]`, item] as const).filter(([place]) => has(place));
}

/** The value of a field as a list of one or none, with its place. */
export const single = (subject: Subject, field: string, value: string | null): (readonly [string, string])[] =>
  value !== null && subject.has(field) ? [[field, value]] : [];
