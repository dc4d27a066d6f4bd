/** Runs the real program, as root and as somebody else; the permission cases need root. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { EXIT } from "./exit.ts";
import type { Input } from "./input.ts";

const MAIN = join(import.meta.dirname, "main.ts");
/** nobody's, on every Debian. */
const UID = 65534;
const CONFIG_DIR = ".config/opencode";
const LINK = `${CONFIG_DIR}/opencode.json`;

let base = "";
let input: Input = { home: "", directory: "", config: "", files: {} };
const inHome = (path: string): string => join(input.home, path);

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "setup-"));
  chmodSync(base, 0o755);
  input = {
    home: join(base, "home"),
    directory: join(base, "project"),
    config: join(base, "opencode.json"),
    files: {},
  };
  for (const path of [input.home, input.directory]) {
    mkdirSync(path, 0o700);
    chownSync(path, UID, UID);
  }
  writeFileSync(input.config, '{ "model": "a/b", /* why */ }');
});
afterEach(() => rmSync(base, { recursive: true }));

/** Runs setup as the instance's user would. */
function setup(argument: string = JSON.stringify(input)) {
  const options = { uid: UID, gid: UID, encoding: "utf8", timeout: 20_000, cwd: "/", env: { USER: "oc" } } as const;
  const { status, stderr, stdout } = spawnSync(process.execPath, [MAIN, argument], options);
  assert.equal(stdout, "");
  return { status, stderr };
}

/** Everything below a path that a change would show in. */
function snapshot(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const { mode, ino, size, mtimeMs, ctimeMs } = lstatSync(join(path, name));
      return [name, mode, ino, size, mtimeMs, ctimeMs].join(" ");
    });
}

describe("a HOME that is empty", () => {
  test("Setup incrementally prepares expected HOME tree", () => {
    assert.deepEqual(setup(), { status: EXIT.ok, stderr: "" });
    const made = readdirSync(input.home, { recursive: true, encoding: "utf8" }).sort();
    const config = [".config", CONFIG_DIR, `${CONFIG_DIR}/.gitignore`, LINK];
    assert.deepEqual(made, [...config, ".local", ".local/share", ".local/share/opencode"]);
    assert.equal(readlinkSync(inHome(LINK)), input.config);
    const ignored = "node_modules\npackage.json\npackage-lock.json\nbun.lock\n.gitignore";
    assert.equal(readFileSync(inHome(`${CONFIG_DIR}/.gitignore`), "utf8"), ignored);
    assert.equal(lstatSync(inHome(CONFIG_DIR)).mode & 0o777, 0o700);
  });

  test("projects files, nested ones too, beside the config", () => {
    input = { ...input, files: { "agent/deep/review.md": input.config, "AGENTS.md": input.config } };
    assert.deepEqual(setup(), { status: EXIT.ok, stderr: "" });
    for (const path of Object.keys(input.files))
      assert.equal(readlinkSync(inHome(`${CONFIG_DIR}/${path}`)), input.config);
  });
});

describe("a HOME that is not empty", () => {
  test("Setup is idempotent: a second run changes nothing, no time stamp either", () => {
    input = { ...input, files: { "agent/review.md": input.config } };
    setup();
    const first = snapshot(base);
    assert.deepEqual(setup(), { status: EXIT.ok, stderr: "" });
    assert.deepEqual(snapshot(base), first);
  });

  test("keeps what is there: the user's files, and a .gitignore of their own", () => {
    mkdirSync(inHome(`${CONFIG_DIR}/agent`), { recursive: true });
    writeFileSync(inHome(`${CONFIG_DIR}/.gitignore`), "mine");
    writeFileSync(inHome(`${CONFIG_DIR}/agent/mine.md`), "mine");
    execFileSync("chown", ["-R", String(UID), input.home]);
    input = { ...input, files: { "agent/review.md": input.config } };
    assert.equal(setup().status, EXIT.ok);
    for (const path of [".gitignore", "agent/mine.md"])
      assert.equal(readFileSync(inHome(`${CONFIG_DIR}/${path}`), "utf8"), "mine");
  });

  test("turns a link that leads elsewhere to the config, and leaves no file of its own behind", () => {
    setup();
    rmSync(inHome(LINK));
    symlinkSync("/somewhere/else", inHome(LINK));
    assert.deepEqual(setup(), { status: EXIT.ok, stderr: "" });
    assert.equal(readlinkSync(inHome(LINK)), input.config);
    assert.deepEqual(readdirSync(inHome(CONFIG_DIR)).sort(), [".gitignore", "opencode.json"]);
  });

  test("lets a projected .gitignore stand in for its own", () => {
    input = { ...input, files: { ".gitignore": input.config } };
    assert.deepEqual(setup(), { status: EXIT.ok, stderr: "" });
    assert.equal(readlinkSync(inHome(`${CONFIG_DIR}/.gitignore`)), input.config);
  });
});

test("Setup does not initialize working directory: it is not changed at all", () => {
  writeFileSync(join(input.directory, "README"), "");
  const before = snapshot(base).filter((line) => line.startsWith("project"));
  setup();
  assert.deepEqual(
    snapshot(base).filter((line) => line.startsWith("project")),
    before,
  );
});

/** What may be planted, by how it is made and what it is called. */
const PLANTS: Readonly<Record<string, (path: string) => void>> = {
  "a symbolic link": (path) => symlinkSync(join(base, "elsewhere"), path),
  "a FIFO": (path) => execFileSync("mkfifo", [path]),
  "a socket": (path) =>
    execFileSync("python3", ["-c", "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", path]),
  "a file": (path) => writeFileSync(path, "mine"),
  "a directory": (path) => mkdirSync(path),
};
/** Where, and what is no harm there. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  ".local": ["a directory"],
  ".local/share": ["a directory"],
  ".local/share/opencode": ["a directory"],
  ".config": ["a directory"],
  [CONFIG_DIR]: ["a directory"],
  [`${CONFIG_DIR}/agent`]: ["a directory"],
  [`${CONFIG_DIR}/.gitignore`]: ["a file", "a symbolic link"],
  [LINK]: ["a symbolic link"],
  [`${CONFIG_DIR}/agent/review.md`]: ["a symbolic link"],
};
describe("something planted in HOME", () => {
  for (const [place, harmless] of Object.entries(PLACES)) {
    for (const [kind, plant] of Object.entries(PLANTS)) {
      const ok = harmless.includes(kind);
      test(`${kind} at ${place} is ${ok ? "no harm" : "refused, not followed and not touched"}`, () => {
        // Given
        input = { ...input, files: { "agent/review.md": input.config } };
        for (const path of ["share", "opencode/agent"]) mkdirSync(join(base, "elsewhere", path), { recursive: true });
        const path = inHome(place);
        mkdirSync(dirname(path), { recursive: true });
        plant(path);
        execFileSync("chown", ["-Rh", String(UID), base]);
        const planted = lstatSync(path).ino;
        const before = snapshot(join(base, "elsewhere"));
        // When
        const { status, stderr } = setup();
        // Then
        assert.deepEqual(snapshot(join(base, "elsewhere")), before);
        if (ok) return assert.deepEqual({ status, stderr }, { status: EXIT.ok, stderr: "" });
        assert.equal(status, EXIT.cannotCreate);
        assert.match(
          stderr,
          new RegExp(`^setup: ${path} is ${kind} where .* has to be; move it away, or remove it: .*\n$`),
        );
        assert.equal(lstatSync(path).ino, planted);
      });
    }
  }
});

interface Refusal {
  readonly what: string;
  readonly given: () => void;
  readonly status: number;
  readonly says: () => string;
}
const chmod = (path: string, mode: number) => {
  chownSync(path, 0, 0);
  chmodSync(path, mode);
};
const REFUSALS: readonly Refusal[] = [
  {
    what: "a directory that is not there",
    given: () => rmSync(input.directory, { recursive: true }),
    status: EXIT.config,
    says: () => `directory ${input.directory} does not exist; run: install -d -o oc ${input.directory}`,
  },
  {
    what: "a directory that is a file",
    given: () => {
      rmSync(input.directory, { recursive: true });
      writeFileSync(input.directory, "");
    },
    status: EXIT.config,
    says: () => `directory ${input.directory} is not a directory; write the path of a directory`,
  },
  {
    what: "a directory of somebody else's",
    given: () => chmod(input.directory, 0o755),
    status: EXIT.noPermission,
    says: () => `directory ${input.directory} is not writable by user oc; run: chown oc ${input.directory}`,
  },
  {
    what: "a HOME of somebody else's, in one line",
    given: () => chmod(input.home, 0o755),
    status: EXIT.noPermission,
    says: () => `stateDir ${input.home} is not writable by user oc; run: chown oc ${input.home}`,
  },
  {
    what: "a HOME that is not there",
    given: () => rmSync(input.home, { recursive: true }),
    status: EXIT.config,
    says: () => `stateDir ${input.home} does not exist; run: install -d -o oc ${input.home}`,
  },
  {
    what: "a folder in HOME that somebody else has made",
    given: () => {
      mkdirSync(inHome(".local"));
      chmod(inHome(".local"), 0o755);
    },
    status: EXIT.noPermission,
    says: () =>
      `cannot make directory ${inHome(".local/share")} as user oc (EACCES); run: chown oc ${inHome(".local/share")}, or the directory above it`,
  },
  {
    what: "a config that is not there",
    given: () => rmSync(input.config),
    status: EXIT.config,
    says: () => `config ${input.config} does not exist; write the path of a file that is there`,
  },
  {
    what: "a config that the user cannot read",
    given: () => chmodSync(input.config, 0o600),
    status: EXIT.noPermission,
    says: () => `config ${input.config} is not readable by user oc; run: setfacl -m u:oc:r ${input.config}`,
  },
  {
    what: "a config that is a directory",
    given: () => {
      rmSync(input.config);
      mkdirSync(input.config);
    },
    status: EXIT.config,
    says: () => `config ${input.config} is a directory; write the path of a file`,
  },
  {
    what: "a config that is a FIFO, without waiting for anybody to write to it",
    given: () => {
      rmSync(input.config);
      execFileSync("mkfifo", [input.config]);
    },
    status: EXIT.config,
    says: () => `config ${input.config} is not a file; write the path of a file`,
  },
  {
    what: "a config that is no JSON",
    given: () => writeFileSync(input.config, '{"model":\n  secret}'),
    status: EXIT.config,
    says: () =>
      `config ${input.config} is not a JSON object (line 2, column 3); write a JSON object; comments and trailing commas are allowed`,
  },
  {
    what: "a projected file that is not there",
    given: () => {
      input = { ...input, files: { "a.md": "/no/such.md" } };
    },
    status: EXIT.config,
    says: () => "projected file /no/such.md does not exist; write the path of a file that is there",
  },
];
describe("what the server could not work with", () => {
  for (const { what, given, status, says } of REFUSALS) {
    test(`refuses ${what}`, () => {
      given();
      assert.deepEqual(setup(), { status, stderr: `setup: ${says()}\n` });
    });
  }

  test("names every problem in one run, and exits with the status of the first", () => {
    rmSync(input.directory, { recursive: true });
    writeFileSync(input.config, "");
    writeFileSync(inHome(".local"), "");
    const { status, stderr } = setup();
    assert.equal(status, EXIT.config);
    assert.deepEqual(stderr.match(/^setup: (directory|config|\S+\/\.local) /gm)?.length, 3);
  });

  for (const argument of ["", "{", "[]", '{"home":"/"}', '{"home":"/","directory":"/","config":"/","files":{"a":1}}']) {
    test(`refuses ${argument === "" ? "no" : argument} as its argument`, () => {
      const stderr = "setup: not started by opencode-supervisor; start the instance through it\n";
      assert.deepEqual(setup(argument), { status: EXIT.usage, stderr });
    });
  }
});
