/** What an operator may ask of one instance: a table from action to what becomes of it. */
import { mainUnit, setupUnit } from "../../spec/names.ts";
import type { Controller } from "./controller.ts";
import { type Ports, startIfThere } from "./steps.ts";
import { isUp, UNPREPARED } from "./view.ts";

/**
 * - `start`: also one that was stopped by hand or failed; nothing happens to one that is up
 * - `stop`: it stays so until it is started, or changed in the file
 * - `restart`: the server alone; one that is not up is started
 * - `setup`: stop it, do the setup again, start it
 * - `reset`: forget failures. What is blocked is tried at once; what failed is stopped
 */
export type Action = "start" | "stop" | "restart" | "setup" | "reset";

type Act = (controller: Controller, ports: Pick<Ports, "systemd" | "host">) => Promise<void>;

async function start(controller: Controller, { systemd, host }: Pick<Ports, "systemd" | "host">): Promise<void> {
  const { name, main, setup } = controller.view;
  // It may have been stopped a moment ago, and we have not heard of it.
  if (isUp(main) && (await startIfThere(systemd, mainUnit(name)))) return;
  if (isUp(main)) controller.update({ main: null });
  const failed = [main, setup].some((unit) => unit?.active === "failed");
  await host.unmark(name);
  controller.update({ ...UNPREPARED, started: null, blocked: null, retry: failed });
}

/** Written down first: what is stopped then is taken for stopped by hand, by the next daemon too. */
async function stop(controller: Controller, { systemd, host }: Pick<Ports, "systemd" | "host">): Promise<void> {
  const { name, wanted } = controller.view;
  if (wanted === null) return;
  await host.mark(name, wanted.units.specHash);
  controller.update({ started: wanted.units.specHash, blocked: null, retry: false });
  for (const unit of [mainUnit(name), setupUnit(name)]) {
    await systemd.stop(unit);
    await systemd.resetFailed(unit);
  }
}

const restart: Act = async (controller, ports) => {
  if (!isUp(controller.view.main)) return start(controller, ports);
  await ports.systemd.restart(mainUnit(controller.view.name));
};

const setup: Act = async (controller) => {
  controller.update({ ended: true, started: null, blocked: null });
};

const reset: Act = async (controller, { systemd }) => {
  const { name, main, setup } = controller.view;
  if (main?.active === "failed") await systemd.resetFailed(mainUnit(name));
  if (setup?.active === "failed") await systemd.resetFailed(setupUnit(name));
  controller.update({ blocked: null });
};

export const ACTIONS: Readonly<Record<Action, { readonly name: Action; readonly act: Act }>> = {
  start: { name: "start", act: start },
  stop: { name: "stop", act: stop },
  restart: { name: "restart", act: restart },
  setup: { name: "setup", act: setup },
  reset: { name: "reset", act: reset },
};
