/** The scenes, on a disposable machine with what evaluation renders; a NixOS VM runs the same ones (vm/scenes.nix). */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { Supervised } from "../../src/daemon/machine/testing.ts";
import { NixosHost } from "./nixos-host.ts";

const SCENES = ["isolation", "filesystem", "state", "setup", "network", "environment"];
const textOf = (scene: string) => readFile(new URL(`scenes/${scene}.sh`, import.meta.url), "utf8");

describe("scenes", () => {
  let supervised: Supervised;
  const play = async (scene: string): Promise<void> => {
    const { code, stdout, stderr } = await supervised.machine.sh(`${await textOf("lib")}${await textOf(scene)}`, {
      check: false,
    });
    assert.equal(code, 0, `${stdout}${stderr}`);
  };
  before(async () => {
    supervised = await Supervised.up("scenes");
    const host = await NixosHost.on(supervised.machine);
    await host.activate("scenes");
    await supervised.machine.exec(["systemctl", "daemon-reload"]);
    await play("prepare");
  });
  after(async () => {
    await supervised?.down();
  });
  for (const scene of SCENES) test(scene, () => play(scene));
});
