import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ARCH } from "./host.ts";
import { lastGlibc, tooNewFor } from "./native.ts";

const LIBC = `usr/lib/${ARCH === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu"}/libc.so.6`;

test("what a binary needs of libc is the last version that it names", () => {
  assert.equal(lastGlibc(Buffer.from("\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0")), 34);
  assert.equal(lastGlibc(Buffer.from("static")), 0);
});

test("what was built with a later libc than a machine has is named, with both versions", (t) => {
  const root = mkdtempSync(join(tmpdir(), "native-"));
  t.after(() => rmSync(root, { recursive: true }));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write(LIBC, "GLIBC_2.36\0");
  write("packages/a/build/Release/a.node", "GLIBC_2.36\0");
  assert.equal(tooNewFor(root, root), null);
  write("packages/b/build/opencode-init", "GLIBC_2.38\0");
  assert.match(
    tooNewFor(root, root) ?? "",
    /machine with glibc 2\.36: packages\/b\/build\/opencode-init \(glibc 2\.38\)/,
  );
});
