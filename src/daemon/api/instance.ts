/** `/v1/instances/:name` with what is read for that one request, and its lines in the journal. */
import type { FastifyInstance } from "fastify";
import { fileHash } from "../host/config-hash.ts";
import { type ExposureReader, exposureReader } from "../host/exposure.ts";
import { changedSecrets } from "../host/secrets.ts";
import { readUsage, type Usage } from "../host/usage.ts";
import type { LogPage, LogReader } from "../journal/read.ts";
import { instanceStatuses, type Snapshot } from "../status.ts";
import type { LogsAsked } from "./description.ts";
import type { InstanceDetail, InstanceStatus } from "./model.ts";
import { noSuchInstance, targetIsDown } from "./problems.ts";

export interface InstanceSource {
  snapshot(): Snapshot;
  readonly logs: LogReader;
  readonly usage?: (name: string) => Promise<Usage>;
  readonly exposure?: ExposureReader;
}

interface Named {
  Params: { readonly name: string };
}

/** The one of this name; a {@link Refusal} when there is none, or none as long as the target is down. */
export function findInstance(snapshot: Snapshot, name: string): InstanceStatus {
  const found = instanceStatuses(snapshot).find((instance) => instance.name === name);
  if (found !== undefined) return found;
  const isIdle = !snapshot.targetActive && snapshot.file.specs.some((spec) => spec.name === name);
  throw isIdle ? targetIsDown(name) : noSuchInstance(name);
}

export function addInstanceRoutes(
  api: FastifyInstance,
  { snapshot, logs, usage = readUsage, exposure = exposureReader() }: InstanceSource,
): void {
  api.get<Named>("/v1/instances/:name", async ({ params }): Promise<InstanceDetail> => {
    const now = snapshot();
    const found = findInstance(now, params.name);
    const running = now.views.find(({ name, main }) => name === params.name && main !== null)?.wanted?.spec;
    const [used, configHash, changed, exposed] = await Promise.all([
      usage(found.name),
      found.config === null ? null : fileHash(found.config),
      running === undefined ? [] : changedSecrets(running),
      exposure(found),
    ]);
    return { ...found, usage: used, filesChanged: [...changed], configHash, exposure: exposed };
  });
  api.get<Named & { Querystring: LogsAsked }>(
    "/v1/instances/:name/logs",
    async ({ params, query: { lines, after = null } }): Promise<LogPage> => {
      const { name } = findInstance(snapshot(), params.name);
      return logs(name, { lines, after });
    },
  );
}
