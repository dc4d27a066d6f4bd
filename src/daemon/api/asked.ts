/**
 * Whether what is asked for is what a route's schema wants, for as much of JSON Schema as names and queries need: loading a
 * validator for that would cost the daemon more than everything else of the API. A schema that needs more is refused when the
 * route is made, and a test has ajv judge the same questions.
 */
import { Refusal } from "./problems.ts";

type Fields = Readonly<Record<string, unknown>>;
/** The value of one property; throws {@link Refusal} for one that does not fit. */
type Rule = (given: unknown) => unknown;

const KNOWN = new Set(["type", "description", "default", "pattern", "minimum", "maximum"]);

/** What fastify has a schema checked by. Lenient as a URL is: `5` is a number, and what is left out has its default. */
export function checker({
  schema,
}: {
  readonly schema: unknown;
}): (asked: Fields) => { value: Fields } | { error: Error } {
  const { properties }: { properties?: Fields } = Object(schema);
  const rules = Object.entries(properties ?? {}).map(
    ([name, property]) => [name, ruleOf(name, Object(property))] as const,
  );
  return (asked) => {
    try {
      const checked = rules.map(([name, rule]) => [name, rule(asked[name])] as const);
      return { value: { ...asked, ...Object.fromEntries(checked.filter(([, value]) => value !== undefined)) } };
    } catch (error) {
      if (error instanceof Refusal) return { error };
      throw error;
    }
  };
}

function ruleOf(name: string, property: Fields): Rule {
  const strange = Object.keys(property).filter((key) => !KNOWN.has(key));
  const { type, description, default: fallback } = property;
  const read = type === "integer" ? integer(property) : type === "string" ? text(property) : null;
  if (strange.length > 0 || read === null)
    throw new Error(`${name}: ${strange.join(", ")} (type ${String(type)}) is more than src/daemon/api/asked.ts knows`);
  return (given) => {
    if (given === undefined) return fallback;
    const value = typeof given === "string" ? read.value(given) : undefined;
    if (value !== undefined) return value;
    const meaning = typeof description === "string" ? `; it is ${description}` : "";
    throw new Refusal("bad-request", `${name}: write ${read.wanted}, once${meaning}`);
  };
}

interface Reader {
  readonly wanted: string;
  /** Undefined for what does not fit. */
  readonly value: (given: string) => unknown;
}

function integer({ minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER }: Fields): Reader {
  const [least, most] = [Number(minimum), Number(maximum)];
  const isFitting = (value: number): boolean => value >= least && value <= most;
  return {
    wanted: `a whole number from ${least} to ${most}`,
    value: (given) => (/^-?\d{1,15}$/.test(given) && isFitting(Number(given)) ? Number(given) : undefined),
  };
}

function text({ pattern }: Fields): Reader {
  if (typeof pattern !== "string") return { wanted: "a text", value: (given) => given };
  const shape = new RegExp(pattern, "u");
  return { wanted: `what fits ${pattern}`, value: (given) => (shape.test(given) ? given : undefined) };
}
