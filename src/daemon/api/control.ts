/** What may be asked of instances: on a socket that only root can use. Each is answered with how the instance is then. */
import type { FastifyInstance } from "fastify";
import type { EventSink } from "../events/sink.ts";
import { ACTIONS, type Action } from "../instance/actions.ts";
import type { Snapshot } from "../status.ts";
import type { Front } from "./front.ts";
import { findInstance } from "./instance.ts";
import type { InstanceStatus } from "./model.ts";
import { Refusal } from "./problems.ts";
import { describeRoutes } from "./schemas.ts";
import { bareServer } from "./server.ts";

export interface Controls {
  snapshot(): Snapshot;
  /** Resolves once it is under way and its policy is settled. Answers false when the instance is not to run. */
  ask(name: string, action: Action): Promise<boolean>;
  readonly tell: Pick<EventSink, "info">;
}

export function buildControl(
  { snapshot, ask, tell }: Controls,
  seen: (api: FastifyInstance) => void = () => undefined,
  front?: Front,
): FastifyInstance {
  const api = bareServer(`POST /v1/instances/NAME/ACTION is, ACTION one of ${Object.keys(ACTIONS).join(", ")}`, front);
  describeRoutes(api);
  seen(api);
  for (const action of Object.values(ACTIONS).map(({ name }) => name)) {
    api.post<{ Params: { name: string } }>(`/v1/instances/:name/${action}`, async ({ params }, reply) => {
      const { name, state, why } = findInstance(snapshot(), params.name);
      tell.info({ kind: "asked", instance: name, action }, `${name}: ${action} was asked for`);
      if (!(await ask(name, action))) throw new Refusal("not-runnable", `${name} is ${state}: ${why ?? REMEDY}`);
      const now: InstanceStatus = findInstance(snapshot(), name);
      return reply.code(202).send(now);
    });
  }
  return api;
}
const REMEDY = "enable it in the instance file; and opencode.target has to be active (systemctl start opencode.target)";
