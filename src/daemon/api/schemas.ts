/**
 * The schema of every route, made from the TypeBox of description.ts and kept as plain data (`schemas.json`, see openapi.ts), so
 * that the daemon need not load TypeBox. What is asked is held against it (asked.ts); what is answered is of these types (model.ts)
 * and held against it by the tests, and goes out by `JSON.stringify`. See docs/decisions/0009.
 */
import type { FastifyInstance, FastifySchema, FastifyServerOptions } from "fastify";
import { checker } from "./asked.ts";
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

const unused = (): never => {
  throw new Error("describeRoutes() says what a schema is compiled by");
};
/** Keeps fastify from loading its own compilers, which take more memory than all of the schemas. */
export const NO_COMPILERS: NonNullable<FastifyServerOptions["schemaController"]> = {
  compilersFactory: { buildValidator: unused, buildSerializer: unused },
};
