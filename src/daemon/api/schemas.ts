/**
 * The schema of every route, made from the TypeBox of description.ts and kept as plain data (`schemas.json`, see openapi.ts), so
 * that the daemon need not load TypeBox. What is asked is held against it by ajv; what is answered is of these types
 * (model.ts), held against it by the tests, and goes out by `JSON.stringify`. See docs/decisions/0009.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import type { FastifyInstance, FastifySchema, FastifyServerOptions } from "fastify";
import { Refusal } from "./problems.ts";
import data from "./schemas.json" with { type: "json" };

/** By method and path as fastify has them: `GET /v1/instances/:name`. */
export const SCHEMAS: ReadonlyMap<string, FastifySchema> = new Map(Object.entries(data.routes));

/** Gives each route that is added from here on its schema. Throws for one that is not described. */
export function describeRoutes(api: FastifyInstance): void {
  api.setValidatorCompiler(checker);
  api.setSerializerCompiler(() => JSON.stringify);
  for (const model of data.models) api.addSchema(model);
  api.addHook("onRoute", (route) => {
    const [method] = [route.method].flat();
    const schema = SCHEMAS.get(`${method === "HEAD" ? "GET" : method} ${route.url}`);
    if (schema === undefined) throw new Error(`${method} ${route.url} is not in src/daemon/api/description.ts`);
    route.schema = schema;
  });
}

/** Lenient as a URL is: `5` is a number, and what is left out has its default. The schemas are ours and tested. */
const ajv = new Ajv({ coerceTypes: true, useDefaults: true, verbose: true, meta: false, validateSchema: false });

/** Compiled when the route is first asked. */
function checker({ schema }: { readonly schema: unknown }) {
  let fits: ValidateFunction | null = null;
  return (asked: unknown) => {
    fits ??= ajv.compile(Object(schema));
    return fits(asked) ? { value: asked } : { error: new Refusal("bad-request", faultOf(fits.errors?.[0])) };
  };
}

/** `lines: must be <= 1000; it is how many, at most` */
function faultOf(error: ErrorObject | undefined): string {
  const { instancePath = "", message = "is wrong", parentSchema } = error ?? {};
  const meaning: unknown = parentSchema?.description;
  return `${instancePath.slice(1)}: ${message}${typeof meaning === "string" ? `; it is ${meaning}` : ""}`;
}

const unused = (): never => {
  throw new Error("describeRoutes() says what a schema is compiled by");
};
/** Keeps fastify from loading its own compilers, which take more memory than all of the schemas. */
export const NO_COMPILERS: NonNullable<FastifyServerOptions["schemaController"]> = {
  compilersFactory: { buildValidator: unused, buildSerializer: unused },
};
