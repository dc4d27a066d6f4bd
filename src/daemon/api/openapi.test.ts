import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { FastifyInstance } from "fastify";
import { Value } from "typebox/value";
import { OPERATIONS } from "./description.ts";
import { ProblemDocument } from "./model.ts";
import { generated, openApi, withTables } from "./openapi.ts";
import { CODES } from "./problems.ts";
import { fullApi, fullControl } from "./testing.ts";

/** `get /v1/status`, of every route that a server has. */
function routesOf(add: (seen: (api: FastifyInstance) => void) => unknown): string[] {
  const routes: string[] = [];
  add((api) =>
    api.addHook("onRoute", ({ method, url }) => {
      for (const each of [method].flat()) if (each !== "HEAD") routes.push(`${each.toLowerCase()} ${url}`);
    }),
  );
  return routes.sort();
}
const described = (socket: string) =>
  OPERATIONS.filter((operation) => operation.socket === socket)
    .map(({ method, path }) => `${method} ${path}`)
    .sort();

test("openapi.json and docs/reference/api.md say what the description says; if not: node src/daemon/api/openapi.ts --write", async () => {
  for (const [file, text] of await generated()) assert.equal(readFileSync(file, "utf8"), text, file.pathname);
});

test("every route of both sockets is described, and nothing is described that is not there", () => {
  assert.deepEqual(routesOf(fullApi), described("status"));
  assert.deepEqual(routesOf(fullControl), described("control"));
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
