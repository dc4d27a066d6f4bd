import type { Machine } from "../../../testbed/machine.ts";
import { makeRoot } from "../../daemon/host/root.ts";
import { HOST_FILES } from "../../spec/names.ts";
import type { InstanceSpec } from "../../spec/schema.ts";
import type { Runtime } from "../host.ts";

/** An instance's root as the supervisor makes it, in a machine where none runs, and the host's files beside it. */
export async function makeRootIn(machine: Machine, spec: InstanceSpec, runtime: Runtime): Promise<void> {
  const id = async (option: "-u" | "-g") => Number((await machine.exec(["id", option, spec.user])).stdout);
  const ids = { uid: await id("-u"), gid: await id("-g"), extra: new Map<string, number>() };
  makeRoot(spec, ids, runtime, `/proc/${machine.pid}/root`);
  await machine.sh(`mkdir -p ${HOST_FILES}/sys/fs/cgroup
    for file in ${runtime.files.join(" ")}; do [ ! -e $file ] || cp -L --parents $file ${HOST_FILES}; done
    for directory in ${runtime.directories.join(" ")}; do [ ! -e $directory ] || cp -a --parents $directory ${HOST_FILES}; done`);
}
