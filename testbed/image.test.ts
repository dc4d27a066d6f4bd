import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { packagesIn } from "./image.ts";

test("how far an image is, is how many packages dpkg has unpacked in it", (t) => {
  const root = mkdtempSync(join(tmpdir(), "image-"));
  t.after(() => rmSync(root, { recursive: true }));
  assert.equal(packagesIn(root), 0);
  const info = join(root, "var/lib/dpkg/info");
  mkdirSync(info, { recursive: true });
  for (const name of ["bash.list", "bash.md5sums", "libc6:amd64.list", "libc6:amd64.postinst"])
    writeFileSync(join(info, name), "");
  assert.equal(packagesIn(root), 2);
});
