/** The page's files, read once: what is not among them when the server starts is never served. */
import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";

export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
}
/** By file name; no folders. */
export type Assets = ReadonlyMap<string, Asset>;

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Where the build puts the page. */
const PAGE = new URL("./page/", import.meta.url);

/** @throws Error where the page was not built */
export function readAssets(directory: URL = PAGE): Assets {
  const names = readdirSync(directory).filter((name) => Object.hasOwn(TYPES, extname(name)));
  if (!names.includes("index.html") || !names.includes("main.js"))
    throw new Error(`${directory.pathname} is not the built page: npm run build makes dist, run the program there`);
  return new Map(
    names.map((name) => [name, { type: TYPES[extname(name)] ?? "", bytes: readFileSync(new URL(name, directory)) }]),
  );
}
