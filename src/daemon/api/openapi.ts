/**
 * What is made from the description of the API: `schemas.json`, which the routes have (schemas.ts); `openapi.json`, which the
 * daemon answers with; and the page about it. `node src/daemon/api/openapi.ts --write` makes them anew; a test says when they
 * are stale.
 */
import { readFile, writeFile } from "node:fs/promises";
import { type TObject, type TSchema, Type } from "typebox";
import { VERSION } from "../../version.ts";
import { MODELS, OPERATIONS, type Operation } from "./description.ts";
import { CODES, type Code } from "./problems.ts";

const SCHEMAS_FILE = new URL("./schemas.json", import.meta.url);
const OPENAPI_FILE = new URL("./openapi.json", import.meta.url);
const PAGE_FILE = new URL("../../../docs/reference/api.md", import.meta.url);
const MARKS = {
  paths: ["<!-- paths: made by src/daemon/api/openapi.ts -->", "<!-- end of paths -->"],
  codes: ["<!-- codes: made by src/daemon/api/openapi.ts -->", "<!-- end of codes -->"],
} as const;

/** `/v1/instances/:name` → `/v1/instances/{name}` */
export const openApiPath = (path: string): string => path.replace(/:([a-z]+)/g, "{$1}");

/** `get /v1/instances/:name/egress` → `getInstancesNameEgress` */
const operationId = ({ method, path }: Operation): string =>
  method +
  path
    .split(/[^a-z]+/)
    .filter((part) => part !== "" && part !== "v")
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join("");

const content = (type: string, schema: object) => ({ [type]: { schema } });

/** `schema` itself, or `refer` to it where it has a name. */
function named(schema: TSchema, refer: (name: string) => string): object {
  const [name] = Object.entries(MODELS).find(([, model]) => model === schema) ?? [];
  return name === undefined ? schema : { $ref: refer(name) };
}
const component = (name: string): string => `#/components/schemas/${name}`;

/** `:name` of a path, and the like. */
const paramsOf = ({ path }: Operation): TObject =>
  Type.Object(Object.fromEntries([...path.matchAll(/:([a-z]+)/g)].map(([, name = ""]) => [name, Type.String()])));

/** The schema of a route, as fastify takes it. */
function routeSchema(operation: Operation) {
  const { answer, status = 200, problems, querystring, headers } = operation;
  const refer = (name: string): string => `${name}#`;
  const refused = problems.map((code) => [String(CODES[code].status), named(MODELS.Problem, refer)]);
  const good = answer === null ? [] : [[String(status), named(answer, refer)]];
  return {
    ...(operation.path.includes(":") ? { params: paramsOf(operation) } : {}),
    ...(querystring === undefined ? {} : { querystring }),
    ...(headers === undefined ? {} : { headers }),
    response: Object.fromEntries([...good, ...refused]),
  };
}

/** What schemas.ts reads: the shapes with a name, and by route what it takes and answers. */
export const routeSchemas = () => ({
  models: Object.entries(MODELS).map(([name, model]) => ({ $id: name, ...model })),
  routes: Object.fromEntries(
    OPERATIONS.map((operation) => [`${operation.method.toUpperCase()} ${operation.path}`, routeSchema(operation)]),
  ),
});

function responses({ answer, status = 200, contentType = "application/json", problems, summary }: Operation) {
  const byStatus = Map.groupBy(problems, (code) => CODES[code].status);
  const refused = [...byStatus].map(([status, codes]) => [
    String(status),
    {
      description: codes.map((code) => `\`${code}\`: ${CODES[code].title}`).join("; "),
      content: content("application/problem+json", named(MODELS.Problem, component)),
    },
  ]);
  const good = { description: summary, content: content(contentType, named(answer ?? Type.String(), component)) };
  return { [String(status)]: good, ...Object.fromEntries(refused) };
}

/** A parameter for each property. */
const parameters = (place: "path" | "query" | "header", { properties = {} }: Partial<TObject> = {}) =>
  Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: place, required: place === "path", schema },
  }));

const describeOperation = (operation: Operation) => ({
  operationId: operationId(operation),
  summary: operation.summary,
  "x-socket": operation.socket,
  parameters: [
    ...parameters("path", paramsOf(operation)),
    ...parameters("query", operation.querystring),
    ...parameters("header", operation.headers),
  ],
  responses: responses(operation),
});

/** The description as OpenAPI 3.1 has it. */
export function openApi() {
  const paths = Map.groupBy(OPERATIONS, ({ path }) => openApiPath(path));
  const described = [...paths].map(([path, operations]) => [
    path,
    Object.fromEntries(operations.map((operation) => [operation.method, describeOperation(operation)])),
  ]);
  return {
    openapi: "3.1.0",
    info: {
      title: "opencode-supervisor",
      version: VERSION,
      description:
        "On two Unix sockets: status.sock (to read, for root and the group opencode) and control.sock (POST, for root), both in /run/opencode-supervisor. `x-socket` says which.",
    },
    paths: Object.fromEntries(described),
    components: { schemas: MODELS },
  };
}

const cell = (text: string): string => text.replaceAll("|", "\\|");
const tableOf = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows.map((row) => row.map(cell))].map((row) => `| ${row.join(" | ")} |`).join("\n");

const queryOf = ({ querystring, headers }: Operation): string => {
  const asked = Object.keys(querystring?.properties ?? {}).map((name) => `?${name}=`);
  const names = [...asked, ...(headers === undefined ? [] : ["Last-Event-ID"])];
  return names.length === 0 ? "" : ` (${names.map((name) => `\`${name}\``).join(", ")})`;
};

const pathTable = (): string =>
  tableOf(
    ["", "socket", "what", "refusals"],
    OPERATIONS.map((operation) => [
      `\`${operation.method.toUpperCase()} ${openApiPath(operation.path)}\`${queryOf(operation)}`,
      operation.socket,
      operation.summary,
      operation.problems.map((code) => `\`${code}\``).join(", "),
    ]),
  );

const isCode = (value: string): value is Code => Object.hasOwn(CODES, value);
const codeTable = (): string =>
  tableOf(
    ["code", "status", "meaning"],
    Object.keys(CODES)
      .filter(isCode)
      .map((code) => [`\`${code}\``, String(CODES[code].status), CODES[code].title]),
  );

function between(page: string, [start, end]: readonly [string, string], text: string): string {
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/reference/api.md has lost its marks ${start} and ${end}`);
  return `${page.slice(0, from)}${start}\n${text}\n${page.slice(to)}`;
}

/** `page` with its tables made anew. Throws when it has lost the marks around them. */
export const withTables = (page: string): string =>
  between(between(page, MARKS.paths, pathTable()), MARKS.codes, codeTable());

/** The files made from the description, with what they should hold. */
export async function generated(): Promise<readonly (readonly [URL, string])[]> {
  return [
    [SCHEMAS_FILE, `${JSON.stringify(routeSchemas(), null, 2)}\n`],
    [OPENAPI_FILE, `${JSON.stringify(openApi(), null, 2)}\n`],
    [PAGE_FILE, withTables(await readFile(PAGE_FILE, "utf8"))],
  ];
}

if (import.meta.main && process.argv.includes("--write")) {
  for (const [file, text] of await generated()) await writeFile(file, text);
}
