import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "../../../testbed/wait.ts";
import { blankView } from "../instance/controller.ts";
import type { View } from "../instance/view.ts";
import { onceAsked } from "./asked.ts";

/** A follower that writes down whom it was told of, and whether each asked. */
function follower() {
  const told: string[] = [];
  let loads = 0;
  const made = onceAsked(
    ({ held }) => !held,
    async () => {
      loads += 1;
      return {
        follow: ({ name, held }) => void told.push(`${name} ${held ? "-" : "asks"}`),
        close: () => void told.push("closed"),
      };
    },
  );
  return { made, told, loads: () => loads };
}
const view = (name: string, asks: boolean): View => ({ ...blankView(name), held: !asks });

test("nothing is loaded while nobody asks", () => {
  const { made, loads } = follower();
  for (const name of ["a", "b"]) made.follow(view(name, false));
  made.close();
  assert.equal(loads(), 0);
});

test("loaded once, it is told of everybody as they are by then, and of all that comes", async () => {
  const { made, told, loads } = follower();
  made.follow(view("a", true));
  made.follow(view("b", true));
  made.follow(view("b", false));
  await waitFor("the first", () => told.length > 0);
  made.follow(view("a", false));
  assert.deepEqual(told, ["a asks", "b -", "a -"]);
  assert.equal(loads(), 1);
});

test("closed before it is there, it is closed when it is", async () => {
  const { made, told } = follower();
  made.follow(view("a", true));
  made.close();
  await waitFor("its end", () => told.length > 0);
  assert.deepEqual(told, ["closed"]);
});
