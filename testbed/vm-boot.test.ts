import assert from "node:assert/strict";
import { test } from "node:test";
import { accelerator } from "./vm-boot.ts";

const cpu = (flags: string): string => `processor\t: 0\nflags\t\t: fpu ${flags} sse\nbugs\t\t: vmscape\n`;
const there = (): boolean => true;

test("kvm is for a processor that can do it and a /dev/kvm that may be used", () => {
  assert.equal(accelerator(cpu("vmx"), there), "kvm");
  assert.equal(accelerator(cpu("svm"), there), "kvm");
  assert.equal(
    accelerator(cpu("vmx"), () => false),
    "tcg",
  );
  assert.equal(accelerator(cpu("avx2"), there), "tcg", "a /dev/kvm without either takes no kernel of Debian's");
});
