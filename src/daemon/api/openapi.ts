/**
 * What is made from the description of the API: `openapi.json`, which the daemon answers with (it does not load TypeBox), and
 * the page about it. `node src/daemon/api/openapi.ts --write` makes both anew; a test says when they are stale.
 */
import { readFile, writeFile } from "node:fs/promises";
import { Type } from "typebox";
import { VERSION } from "../../version.ts";
import { OPERATIONS, type Operation } from "./description.ts";
import { ProblemDocument } from "./model.ts";
import { CODES, type Code } from "./problems.ts";

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

function responses({ answer, status = 200, contentType = "application/json", problems, summary }: Operation) {
  const byStatus = Map.groupBy(problems, (code) => CODES[code].status);
  const refused = [...byStatus].map(([status, codes]) => [
    String(status),
    {
      description: codes.map((code) => `\`${code}\`: ${CODES[code].title}`).join("; "),
      content: content("application/problem+json", { $ref: "#/components/schemas/Problem" }),
    },
  ]);
  const good = { description: summary, content: content(contentType, answer ?? Type.String()) };
  return { [String(status)]: good, ...Object.fromEntries(refused) };
}

const describeOperation = (operation: Operation) => ({
  operationId: operationId(operation),
  summary: operation.summary,
  "x-socket": operation.socket,
  parameters: [
    ...[...operation.path.matchAll(/:([a-z]+)/g)].map(([, name]) => ({
      ...{ name, in: "path", required: true, schema: Type.String() },
    })),
    ...(operation.parameters ?? []).map((parameter) => ({ ...parameter, required: false })),
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
    components: { schemas: { Problem: ProblemDocument } },
  };
}

const cell = (text: string): string => text.replaceAll("|", "\\|");
const tableOf = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows.map((row) => row.map(cell))].map((row) => `| ${row.join(" | ")} |`).join("\n");

const queryOf = ({ parameters = [] }: Operation): string => {
  const names = parameters.map((parameter) => (parameter.in === "query" ? `?${parameter.name}=` : "Last-Event-ID"));
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
    [OPENAPI_FILE, `${JSON.stringify(openApi(), null, 2)}\n`],
    [PAGE_FILE, withTables(await readFile(PAGE_FILE, "utf8"))],
  ];
}

if (import.meta.main && process.argv.includes("--write")) {
  for (const [file, text] of await generated()) await writeFile(file, text);
}
