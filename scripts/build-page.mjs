/**
 * The dashboard's page in dist: its scripts compiled, its style sheets as one, so that a browser that opens it has little to
 * fetch before it may paint, and its other files as they are. bootstrap.mjs and nix/package.nix run it
 * after they have compiled src; plain JavaScript, as both do so before anything of ours is there.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const [from, to] = [join(root, "src/dashboard/page"), join(root, "dist/dashboard/page")];
/** In this order: a later one overrides. */
const SHEETS = ["base", "panels", "table", "timelines", "detail", "layout"];

const { status } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", from], { stdio: "inherit" });
if (status !== 0) process.exit(1);
for (const file of globSync(`${from}/*.{html,svg}`)) copyFileSync(file, join(to, basename(file)));
for (const old of globSync(`${to}/*.css`)) rmSync(old);
writeFileSync(join(to, "page.css"), SHEETS.map((name) => readFileSync(join(from, `${name}.css`))).join(""));
