import assert from "node:assert/strict";
import { test } from "node:test";
import { cacheDir, cgroupRoot, opencodeBinary } from "./host.ts";

test("the cgroup2 hierarchy is found on unified and on hybrid hosts, and missed by name", () => {
  assert.equal(cgroupRoot("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"), "/sys/fs/cgroup");
  const hybrid = "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
  assert.equal(cgroupRoot(hybrid), "/sys/fs/cgroup/unified");
  assert.throws(() => cgroupRoot("cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n"), /no cgroup2 hierarchy is mounted/);
});

test("the cache is where the environment says, most particular first", () => {
  assert.equal(cacheDir({ OPENCODE_TESTBED_CACHE: "/a", XDG_CACHE_HOME: "/b" }), "/a");
  assert.equal(cacheDir({ XDG_CACHE_HOME: "/b" }), "/b/opencode-supervisor");
  assert.match(cacheDir({}), /\/\.cache\/opencode-supervisor$/);
});

test("a processor without AVX2 gets the baseline build of opencode", { skip: process.arch !== "x64" }, () => {
  assert.equal(opencodeBinary("flags\t: sse avx avx2 bmi"), "node_modules/opencode-linux-x64/bin/opencode");
  assert.equal(opencodeBinary("flags\t: sse avx"), "node_modules/opencode-linux-x64-baseline/bin/opencode");
});
