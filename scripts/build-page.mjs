/**
 * The dashboard's page in dist: its scripts compiled, its other files as they are. bootstrap.mjs and nix/package.nix run it
 * after they have compiled src; plain JavaScript, as both do so before anything of ours is there.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, globSync } from "node:fs";
import { basename, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const [from, to] = [join(root, "src/dashboard/page"), join(root, "dist/dashboard/page")];
const { status } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", from], { stdio: "inherit" });
if (status !== 0) process.exit(1);
for (const file of globSync(`${from}/*.{html,css,svg}`)) copyFileSync(file, join(to, basename(file)));
