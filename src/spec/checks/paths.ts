/**
 * Paths of the host that an instance is given. PID 1 resolves the sources of bind mounts as root: whoever can write above
 * one can put a link there that leads anywhere. And what one instance keeps, no other may reach.
 *
 * Two instances may work in the same directory. One inside the other's is refused, by the rule about links.
 */
import type { Problem } from "../problem.ts";
import { quote } from "../text.ts";
import type { CrossCheck } from "./check.ts";
import { isBelow, overlaps, PathIndex } from "./path-index.ts";
import { type PathKind, type PathUse, pathUses } from "./path-uses.ts";
import { protectedFault } from "./protected-paths.ts";

/** A use of a path, and why such a path is refused whatever else the file says. */
interface Use extends PathUse {
  readonly refusal: string | null;
}

/** Paths that are refused for what they are count for nothing here: they are never bound, and hold up no other instance. */
interface World {
  /** What instances can write. */
  readonly writable: PathIndex<Use>;
  readonly states: PathIndex<Use>;
  /** The `directory` and `stateDir` of each instance. */
  readonly homes: ReadonlyMap<string, readonly Use[]>;
}

/** Conflicts named for one path: enough to start mending. */
const MAX_NAMED = 4;
const WRITABLE: readonly PathKind[] = ["write", "state"];
const otherThan =
  ({ instance }: Use) =>
  (other: Use) =>
    other.instance !== instance;

const nobody = () => () => false;
const everybody = () => () => true;
/** Of whom the path itself, not only what is above it, must be out of reach: read-only means so for the instance at least. */
const SAME_PATH: Readonly<Record<PathKind, (use: Use) => (writer: Use) => boolean>> = {
  write: nobody,
  state: nobody,
  share:
    ({ instance }) =>
    (writer) =>
      writer.instance === instance,
  config: everybody,
  secret: everybody,
};

const problem = ({ instance, field }: PathUse, what: string, fix: string): Problem => ({ instance, field, what, fix });

/** How `path` stands to a path it overlaps. */
const relation = (path: string, other: string): string =>
  path === other ? "is" : isBelow(path, other) ? "lies in" : "contains";

/** How a problem of `use` names another use. */
const naming = (use: PathUse, other: PathUse): string =>
  use.instance === other.instance
    ? `this instance's ${other.field}`
    : `the ${other.field} of instance ${quote(other.instance)}`;

/** `directory` and `stateDir` of one instance keep apart. */
function apart(use: Use, { homes }: World): Problem[] {
  if (use.field !== "directory" && use.field !== "stateDir") return [];
  const other = homes.get(use.instance)?.find(({ field }) => field !== use.field);
  if (other === undefined || !overlaps(use.path, other.path)) return [];
  const how = relation(use.path, other.path);
  return [
    problem(use, `${quote(use.path)} ${how} ${naming(use, other)}`, "keep the project and the state in separate trees"),
  ];
}

/** No path of an instance reaches the state of another. Reported on both. */
function privacy(use: Use, { states }: World): Problem[] {
  if (use.kind === "secret") return [];
  const { path } = use;
  const isOther = otherThan(use);
  const others = [
    ...states.at(path, MAX_NAMED, isOther),
    ...states.above(path, MAX_NAMED, isOther),
    ...states.below(path, MAX_NAMED, isOther),
  ];
  return others.flatMap((state) => {
    const how = relation(path, state.path);
    return [
      problem(use, `${quote(path)} ${how} ${naming(use, state)}`, "write a path outside the state of other instances"),
      problem(state, `${quote(state.path)} is reached by ${naming(state, use)}, ${quote(path)}`, "keep the two apart"),
    ];
  });
}

/** Not a part of the host that is closed to all. Says whose state it is, where it is someone's. */
function system(use: Use, { states }: World): Problem[] {
  const { path, refusal } = use;
  if (refusal === null) return [];
  const isOther = otherThan(use);
  const [state] = [...states.at(path, 1, isOther), ...states.above(path, 1, isOther)];
  const how = state === undefined ? refusal : `${relation(path, state.path)} ${naming(use, state)}`;
  return [problem(use, `${quote(path)} ${how}`, "write a path that is this instance's alone")];
}

/** Nothing is bound from, or read by root below, what an instance can write. Reported on both. */
function links(use: Use, { writable }: World): Problem[] {
  const here = writable.at(use.path, MAX_NAMED, SAME_PATH[use.kind](use));
  const writers = [...here, ...writable.above(use.path, MAX_NAMED, () => true)];
  return writers.flatMap((writer) => {
    const how = use.path === writer.path ? "is" : "lies in";
    const what = `${quote(use.path)} ${how} ${naming(use, writer)}, which the instance can write: it could put a link to anything there`;
    const mine = problem(use, what, `write a path outside ${quote(writer.path)}`);
    if (writer.instance === use.instance) return [mine];
    const theirs = `${quote(writer.path)} can be written by this instance and holds ${naming(writer, use)}, ${quote(use.path)}`;
    return [mine, problem(writer, theirs, "keep the two apart")];
  });
}

/** For each path the first rule that finds something speaks. */
const RULES: readonly ((use: Use, world: World) => Problem[])[] = [system, apart, privacy, links];

export const paths: CrossCheck = function* (subjects) {
  const uses = subjects.flatMap(pathUses).map((use): Use => ({ ...use, refusal: protectedFault(use) }));
  const writers = uses.filter(({ kind, refusal }) => WRITABLE.includes(kind) && refusal === null);
  const states = writers.filter(({ kind }) => kind === "state");
  const homes = Map.groupBy(
    writers.filter(({ field }) => field === "directory" || field === "stateDir"),
    ({ instance }) => instance,
  );
  const world = { writable: new PathIndex(writers), states: new PathIndex(states), homes };
  for (const use of uses) {
    for (const rule of RULES) {
      const found = rule(use, world);
      yield* found;
      if (found.length > 0) break;
    }
  }
};
