import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { FastifyInstance } from "fastify";
import { Value } from "typebox/value";
import { OPERATIONS } from "./description.ts";
import { ProblemDocument } from "./model.ts";
import { generated, openApi, routeSchemas, withTables } from "./openapi.ts";
import { CODES } from "./problems.ts";
import { fullApi, fullControl } from "./testing.ts";

/** By `GET /v1/status` the schema of every route that a server has. */
function routesOf(add: (seen: (api: FastifyInstance) => void) => unknown): Map<string, unknown> {
  const routes = new Map<string, unknown>();
  add((api) =>
    api.addHook("onRoute", ({ method, url, schema }) => {
      for (const each of [method].flat()) if (each !== "HEAD") routes.set(`${each} ${url}`, schema);
    }),
  );
  return routes;
}
const described = (socket: string) =>
  OPERATIONS.filter((operation) => operation.socket === socket)
    .map(({ method, path }) => `${method.toUpperCase()} ${path}`)
    .sort();

test("openapi.json, schemas.json and docs/reference/api.md say what the description says; if not: node src/daemon/api/openapi.ts --write", async () => {
  for (const [file, text] of await generated()) assert.equal(readFileSync(file, "utf8"), text, file.pathname);
});

test("every route of both sockets is described, and nothing is described that is not there", () => {
  assert.deepEqual([...routesOf(fullApi).keys()].sort(), described("status"));
  assert.deepEqual([...routesOf(fullControl).keys()].sort(), described("control"));
});

test("every route has the schema that TypeBox makes of its description, and none goes without", () => {
  const { routes } = JSON.parse(JSON.stringify(routeSchemas()));
  assert.deepEqual(Object.fromEntries([...routesOf(fullApi), ...routesOf(fullControl)]), routes);
  assert.throws(() => fullApi().get("/v1/nonsense", () => 1), /GET \/v1\/nonsense is not in/);
});

test("what is asked for is held against the schema, and a refusal says what was meant", async () => {
  const api = fullApi();
  for (const [path, detail] of [
    ["/v1/instances/a/logs?lines=1001", "lines: must be <= 1000; it is how many, at most"],
    ["/v1/instances/a/logs?lines=ten", "lines: must be integer; it is how many, at most"],
    ["/v1/instances/a/logs?after=-x", /^after: must match pattern .*; it is `cursor` of an earlier answer/],
    ["/v1/events?instance=a&instance=b", "instance: must be string; it is only this instance's"],
  ] as const) {
    const answer = await api.inject(path);
    assert.equal(answer.statusCode, 400, path);
    const problem = Value.Parse(ProblemDocument, answer.json());
    assert.equal(problem.code, "bad-request");
    if (typeof detail === "string") assert.equal(problem.detail, detail);
    else assert.match(problem.detail, detail);
  }
});

test("every answer has the shape that is described", async () => {
  const [api, control] = [fullApi(), fullControl()];
  for (const { method, path, socket, answer, status = 200 } of OPERATIONS) {
    if (answer === null) continue; // not JSON: see ../events/streams.test.ts and ../metrics
    const reply = await (socket === "status" ? api : control).inject({ method, url: path.replace(":name", "a") });
    assert.equal(reply.statusCode, status, `${path}: ${reply.body}`);
    Value.Parse(answer, reply.json());
  }
});

test("every refusal that is described is a problem document with its code", async () => {
  const api = fullApi();
  for (const { path, problems } of OPERATIONS.filter(({ path }) => path.includes(":name"))) {
    const code = problems.find((each) => CODES[each].status === 404);
    assert.ok(code !== undefined, `${path} says what becomes of an unknown name`);
  }
  const missing = await api.inject("/v1/instances/nobody/logs");
  assert.equal(Value.Parse(ProblemDocument, missing.json()).code, "no-such-instance");
});

test("what the daemon answers is the description", async () => {
  assert.deepEqual((await fullApi().inject("/openapi.json")).json(), JSON.parse(JSON.stringify(openApi())));
});

test("operation ids are unique, and a page without its marks is not written over", () => {
  const ids = Object.values(openApi().paths).flatMap((methods) =>
    Object.values(Object(methods)).map((each) => Object(each).operationId),
  );
  assert.equal(new Set(ids).size, OPERATIONS.length);
  assert.throws(() => withTables("# API"), /has lost its marks/);
});
