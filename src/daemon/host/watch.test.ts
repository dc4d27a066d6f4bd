import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { waitFor } from "../../../testbed/wait.ts";
import { settled } from "../later.ts";
import { watchFile } from "./watch.ts";

type Act = (file: string) => void;

const write: Act = (file) => writeFileSync(file, String(Math.random()));
const move: Act = (file) => {
  write(`${file}.new`);
  renameSync(`${file}.new`, file);
};
const remove: Act = (file) => rmSync(file, { recursive: true });
const make: Act = (file) => {
  mkdirSync(join(file, ".."), { recursive: true });
  write(file);
};
/** The link is put in place of the file; what it leads to is another directory's. */
const elsewhere = (file: string): string => join(file, "../../elsewhere.json");
const link: Act = (file) => {
  symlinkSync("../elsewhere.json", `${file}.link`);
  renameSync(`${file}.link`, file);
};
const at =
  (act: Act): Act =>
  (file) =>
    act(elsewhere(file));
const both =
  (...acts: Act[]): Act =>
  (file) => {
    for (const act of acts) act(file);
  };

const CASES: readonly (readonly [given: string, given: Act, then: readonly Act[]])[] = [
  ["a file written in place", make, [write, write]],
  ["a file renamed into place", make, [move, move, write]],
  ["a file that is not there yet", (file) => mkdirSync(join(file, "..")), [write, move]],
  ["a file whose directory is not there yet", () => undefined, [make, move]],
  ["a file that goes and comes back", make, [remove, write, remove, move]],
  ["a directory in the place of the file", (file) => mkdirSync(file, { recursive: true }), [both(remove, write), move]],
  ["a link to a file", both(make, at(write), link), [at(write), at(move), at(move), move]],
  ["a link put in the place of a file", both(make, at(write)), [link, at(write), at(move), at(remove), at(write)]],
  ["a link to nothing", both(make, link), [at(write), at(move), at(write)]],
];

for (const [given, prepare, acts] of CASES) {
  test(`every change is noticed of ${given}`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "watch-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "etc/instances.json");
    prepare(file);
    let noticed = 0;
    const watched = watchFile(file, () => noticed++);
    t.after(() => watched.close());
    await waitFor("the watch stands", () => noticed > 0);
    for (const [index, act] of acts.entries()) {
      const before = noticed;
      act(file);
      await waitFor(`change ${index}`, () => noticed > before, { deadlineMs: 5000 });
    }
  });
}

test("work that waits for quiet is not done before, and once for each time of it", async () => {
  let done = 0;
  const patient = settled(() => done++, 60_000);
  const call = settled(() => done++, 5);
  for (let turn = 0; turn < 100; turn++) patient();
  for (const times of [1, 2]) {
    call();
    await waitFor("the work", () => done === times);
  }
});
