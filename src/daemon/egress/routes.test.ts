import assert from "node:assert/strict";
import { test } from "node:test";
import { Value } from "typebox/value";
import { isolated } from "../../netpolicy/testing.ts";
import { buildApi } from "../api/server.ts";
import { facts, readyView, snapshotOf } from "../api/testing.ts";
import { egressReport } from "./answers.ts";
import { EgressReport, EgressReports, EgressState } from "./model.ts";
import { addEgressRoutes, type EgressSource } from "./routes.ts";

const DAY = Date.UTC(2026, 0, 1);
const refused = { address: "192.0.2.3", protocol: 6, port: 443, packets: 2, first: DAY, last: DAY + 1000 };
const report = egressReport(isolated("a"), { total: 5, further: 3, destinations: [refused] }, DAY, new Set());
const repair = { by: "nft (pid 7)", lost: ["a"], failed: [], took: 12, at: DAY, nth: 1 };

async function answer(path: string, over: Partial<EgressSource> = {}) {
  const api = buildApi({ facts, snapshot: () => snapshotOf([readyView]), ready: () => true });
  const source = { missing: null, repairs: [repair], reports: () => [report] };
  addEgressRoutes(api, { ...source, report: (name) => (name === "a" ? report : null), ...over });
  return await api.inject(path);
}

test("/v1/egress says whether there is a table, why not, and what was put right", async () => {
  const state = Value.Parse(EgressState, (await answer("/v1/egress")).json());
  const at = "2026-01-01T00:00:00.000Z";
  assert.deepEqual(state, {
    table: true,
    why: null,
    repairs: [{ at, by: "nft (pid 7)", lost: ["a"], failed: [], tookMs: 12 }],
  });
  const without = await answer("/v1/egress", { missing: "no nf_tables", repairs: [] });
  assert.deepEqual(without.json(), { table: false, why: "no nf_tables", repairs: [] });
});

test("/v1/instances/:name/egress says what was refused, and what would allow it; so does the list of all", async () => {
  const found = Value.Parse(EgressReport, (await answer("/v1/instances/a/egress")).json());
  assert.deepEqual([found.name, found.mode, found.total, found.further], ["a", "enforce", 5, 3]);
  assert.deepEqual(found.destinations, [
    {
      address: "192.0.2.3",
      protocol: "tcp",
      protocolNumber: 6,
      port: 443,
      packets: 2,
      first: "2026-01-01T00:00:00.000Z",
      last: "2026-01-01T00:00:01.000Z",
      muted: false,
      allow: { option: "outboundAllowCidrs", value: "192.0.2.3/32" },
    },
  ]);
  const { instances } = Value.Parse(EgressReports, (await answer("/v1/egress/refused")).json());
  assert.deepEqual(instances, [found]);
});

test("an instance without a policy in force is not found, and the answer bounds what was asked", async () => {
  const none = await answer(`/v1/instances/${"x".repeat(80)}/egress`);
  assert.equal(none.statusCode, 404);
  assert.match(String(none.headers["content-type"]), /^application\/problem\+json/);
  assert.ok(none.body.length < 1000 && none.json().detail.includes("x".repeat(64)));
});
