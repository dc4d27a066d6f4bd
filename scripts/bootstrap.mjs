/**
 * What every `npm run` goes through: sets up all that a command needs, then runs it under Node 24. Plain JavaScript for
 * Node 20 and without dependencies, as on the first run there are none. A warm run checks a few dates and takes no time.
 *   node scripts/bootstrap.mjs test|demo|machine|bench|chaos|package|build [ARGUMENT…]
 * It calls itself as `bootstrap.mjs setup` under flock(1), so that two commands started at once do not set up together.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
process.chdir(root);

const nodeDir = resolve(`node_modules/node-linux-${process.arch}`);
const node24 = join(nodeDir, "bin/node");
const PROGRAMS = {
  test: "scripts/test.ts",
  demo: "scripts/demo.ts",
  machine: "testbed/cli.ts",
  bench: "bench/main.ts",
  chaos: "scripts/chaos.ts",
  package: "scripts/package.ts",
};
/** What the native parts are built with, and what the machines are made with. */
const DEBIAN_PACKAGES = [
  ...["build-essential", "libnftables-dev", "libsystemd-dev", "pkg-config", "python3"],
  ...["debian-archive-keyring", "iproute2", "mmdebstrap", "nftables", "util-linux"],
];

/** Lines that {@link say} said: with none there is nothing to sum up. */
let said = 0;

/** What only some commands need; where one cannot be had, the tests that want it are skipped, and say so. */
const BROWSER = "chromium";
/** Debian package → a program of it. */
const EXTRAS = { [BROWSER]: BROWSER, "qemu-system-x86": "qemu-system-x86_64" };
const wantsVirtualMachine = (command, args) => command === "test" && args.includes("--full") && process.arch === "x64";
const wantsBrowser = (command, args) =>
  (command === "test" && args.includes("--full")) ||
  (command === "bench" && (args.includes("page") || args.every((arg) => arg.startsWith("-"))));

/** Exit status of `setup` when all is there but src does not compile. */
const UNCOMPILED = 3;
const [command = "", ...args] = process.argv.slice(2);
const program = PROGRAMS[command];

if (command === "setup") setup();
else if (program === undefined && command !== "build")
  stop(`there is no command ${command}; see scripts in package.json`);
else main();

function main() {
  const extras = [
    ...(wantsBrowser(command, args) ? [BROWSER] : []),
    ...(wantsVirtualMachine(command, args) ? ["qemu-system-x86"] : []),
  ];
  const argv = ["--close", "package.json", process.execPath, import.meta.filename, "setup", ...extras];
  const { status, error } = spawnSync("flock", argv, { stdio: ["ignore", 2, 2] });
  if (error) stop("missing: flock; install util-linux");
  // For `test` a mistake in the types is one failed test among the others; a bare machine needs nothing of src.
  const goOn = status === 0 || (status === UNCOMPILED && (command === "test" || command === "machine"));
  if (!goOn) process.exitCode = 1;
  else if (program !== undefined) runProgram(program);
}

function setup() {
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
    stop(`this needs Linux on x64 or arm64; this is ${process.platform} on ${process.arch}`);
  }
  const started = Date.now();
  debianPackages();
  for (const name of args) extra(name);
  nodeModules();
  nativePackages();
  if (!dist()) process.exitCode = UNCOMPILED;
  else if (said > 0) say(`set up in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** @param {string} line @returns {never} */
function stop(line) {
  console.error(`opencode-supervisor: ${line}`);
  process.exit(1);
}

/** Runs a program of the set-up; its output is only shown by {@link must}, when it fails. */
function run(argv, { env = process.env, cwd = root } = {}) {
  const [program, ...rest] = argv;
  const options = { env, cwd, maxBuffer: 1 << 28, encoding: "utf8" };
  const { status, error, stdout, stderr } = spawnSync(program, rest, options);
  return { ok: status === 0, said: `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}` };
}

function must(argv, what, options) {
  const { ok, said: output } = run(argv, options);
  if (ok) return;
  console.error(output);
  stop(`${what} failed: ${argv.join(" ")}`);
}

function say(line) {
  said++;
  console.error(`opencode-supervisor: ${line}`);
}

function debianPackages() {
  const query = run(["dpkg-query", "-W", "-f", `\${Package} \${db:Status-Status}\n`, ...DEBIAN_PACKAGES]);
  const installed = new Set(
    query.said
      .split("\n")
      .filter((line) => line.endsWith(" installed"))
      .map((line) => line.split(" ")[0]),
  );
  const missing = DEBIAN_PACKAGES.filter((name) => !installed.has(name));
  if (missing.length === 0) return;
  if (installed.size === 0 && !existsSync("/var/lib/dpkg/status")) return toolsElsewhere();
  if (process.getuid() !== 0)
    stop(`missing Debian packages: ${missing.join(" ")}; run as root, or apt-get install them`);
  say(`installing Debian packages: ${missing.join(" ")}`);
  const failure = aptInstall(missing);
  if (failure !== null) stop(`installing Debian packages failed: ${failure}`);
}

/** What apt said when it failed; null when all are installed. */
function aptInstall(names) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const update = run(["apt-get", "update", "-qq"], { env });
  if (!update.ok) return update.said;
  const install = run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", ...names], { env });
  return install.ok ? null : install.said;
}

/** A host without it goes on. */
function extra(name) {
  if (onPath(EXTRAS[name]) || process.getuid() !== 0 || !existsSync("/var/lib/dpkg/status")) return;
  say(`installing Debian's ${name}`);
  const failure = aptInstall([name]);
  if (failure !== null) say(`no ${name}: ${failure}`);
}

function onPath(name) {
  return process.env.PATH.split(delimiter).some((directory) => existsSync(join(directory, name)));
}

/** Not Debian: the programs must be there by other means. */
function toolsElsewhere() {
  const missing = ["make", "cc", "c++", "pkg-config", "python3", "ip", "nft", "mmdebstrap"].filter(
    (name) => !onPath(name),
  );
  const libraries = ["libnftables", "libsystemd"].filter((name) => !run(["pkg-config", "--exists", name]).ok);
  const all = [...missing, ...libraries.map((name) => `${name} (development files)`)];
  if (all.length > 0) stop(`missing: ${all.join(", ")}; install them`);
}

/**
 * Installs the npm packages unless what is there is what package-lock.json asks for. Not by `npm ci`: that refuses a lock
 * made where the registry lacks optional packages of other platforms. `install --no-save` takes versions and hashes from
 * the lock too and leaves it alone; that all of it came is checked afterwards.
 */
function nodeModules() {
  if (!npmIsCurrent()) {
    say("installing npm packages");
    must(["npm", "install", "--no-save", "--ignore-scripts", "--loglevel=error"], "installing npm packages");
    if (!npmIsCurrent()) stop("package-lock.json does not fit package.json; run npm install and commit the lock");
  }
  if (!existsSync(node24)) stop(`npm brought no Node 24 for ${process.arch}; run npm install --include=optional`);
}

/** Whether each package of the lock is installed in its version; npm's own record of what is there says so. */
function npmIsCurrent() {
  const installed = readLock("node_modules/.package-lock.json");
  const wanted = readLock("package-lock.json");
  if (installed === null || wanted === null) return false;
  const fits = ([path, entry]) => {
    if (!path.startsWith("node_modules/")) return true; // ourselves and our own packages
    const there = installed[path];
    if (there === undefined) return entry.optional === true; // of another platform
    return there.version === entry.version && there.link === entry.link && existsSync(path);
  };
  const belongs = ([path, entry]) => path in wanted || entry.optional === true;
  return Object.entries(wanted).every(fits) && Object.entries(installed).every(belongs);
}

function readLock(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : null;
}

/** Environment of Node 24 and its children: its directory first on PATH, and its headers for node-gyp. */
function environment() {
  const path = [join(nodeDir, "bin"), resolve("node_modules/.bin"), process.env.PATH].join(delimiter);
  return { ...process.env, PATH: path, npm_config_nodedir: nodeDir };
}

/** Builds what is native and older than its sources: node-gyp packages of ours and of npm's, and packages with a Makefile. */
function nativePackages() {
  const ours = existsSync("packages") ? readdirSync("packages").map((name) => join("packages", name)) : [];
  const all = [...ours, "node_modules/systemd-journald"];
  for (const path of all.filter((path) => existsSync(join(path, "binding.gyp")))) {
    if (oldestAddon(join(path, "build/Release")) >= newest(path, /\.(c|cc|h|gyp|gypi)$/)) continue;
    say(`building ${path}`);
    const nodeGyp = resolve("node_modules/node-gyp/bin/node-gyp.js");
    must([node24, nodeGyp, "rebuild"], `building ${path}`, { env: environment(), cwd: path });
  }
  for (const path of ours.filter((path) => existsSync(join(path, "Makefile")))) {
    must(["make", "-s", "-C", path], `building ${path}`, { env: environment() });
  }
}

function oldestAddon(directory) {
  const names = existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith(".node")) : [];
  return names.length === 0 ? -1 : Math.min(...names.map((name) => statSync(join(directory, name)).mtimeMs));
}

/** Date of the newest file below `path` whose name matches; 0 when there is none. */
function newest(path, pattern) {
  if (/(^|\/)(build|node_modules)$/.test(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return pattern.test(path) ? stat.mtimeMs : 0;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name), pattern)));
}

/** Compiles src to dist when it is newer; false when tsc finds mistakes. */
function dist() {
  const stamp = "dist/.built";
  const started = new Date();
  const sources = ["src", "tsconfig.json", "tsconfig.build.json", "scripts/build-fits.ts"].map((path) =>
    newest(path, /(?<!\.test)\.(ts|json|html|css|svg)$/),
  );
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= Math.max(...sources)) return true;
  const steps = [
    ["node_modules/.bin/tsc", "-p", "tsconfig.build.json"],
    [node24, "scripts/build-page.mjs"],
    [node24, "scripts/build-fits.ts"],
  ];
  const ok = steps.every((step) => {
    const { ok, said: output } = run(step, { env: environment() });
    if (!ok) console.error(`${output}\nopencode-supervisor: src does not compile`);
    return ok;
  });
  if (ok) writeFileSync(stamp, "");
  if (ok) utimesSync(stamp, started, started); // what changed while tsc ran is newer
  return ok;
}

/** Runs the command in place of this process, as far as anyone can tell. */
function runProgram(path) {
  if (!existsSync(path)) stop(`${path} does not exist`);
  const child = spawn(node24, [path, ...args], { stdio: "inherit", env: environment() });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => stop(`${node24}: ${error.message}`));
  child.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}
