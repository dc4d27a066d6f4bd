/** What the status API answers about egress: `/v1/egress`, `/v1/instances/:name/egress`. */
import type { FastifyInstance } from "fastify";
import { Refusal } from "../api/problems.ts";
import { egressState } from "./answers.ts";
import type { Repair } from "./guard.ts";
import type { EgressReport, EgressReports, EgressState } from "./model.ts";

export interface EgressSource {
  readonly missing: string | null;
  readonly repairs: readonly Repair[];
  /** Null for an instance that has no policy in force. */
  report(name: string): EgressReport | null;
  reports(): EgressReport[];
}

export function addEgressRoutes(api: FastifyInstance, source: EgressSource): void {
  api.get("/v1/egress", (): EgressState => egressState(source.missing, source.repairs));
  api.get("/v1/egress/refused", (): EgressReports => ({ instances: source.reports() }));
  api.get<{ Params: { name: string } }>("/v1/instances/:name/egress", ({ params }): EgressReport => {
    const found = source.report(params.name);
    if (found !== null) return found;
    const name = JSON.stringify(params.name.slice(0, 64));
    throw new Refusal(
      "no-policy",
      `no network policy of an instance ${name} is in force; GET /v1/instances lists instances`,
    );
  });
}
