/** The server of bench/api.ts, a process of its own: the API over 500 ready instances, and the same bytes from bare fastify. */
import Fastify from "fastify";
import { fullApi, readyView, snapshotOf } from "../src/daemon/api/testing.ts";
import { instanceStatuses } from "../src/daemon/status.ts";

const [path = "", count = "500"] = process.argv.slice(2);
const views = Array.from({ length: Number(count) }, (_, index) => ({ ...readyView, name: `instance-${index}` }));
const now = { ...snapshotOf(views) };
const api = fullApi(undefined, { snapshot: now });
const changing = { ...snapshotOf(views), views: [...views] };
const changed = fullApi(undefined, { snapshot: changing });
changed.addHook("onRequest", async () => {
  changing.views[0] = { ...readyView, name: "instance-0" };
});
const bare = Fastify();
const bytes = Buffer.from(JSON.stringify({ instances: instanceStatuses(now) }));
bare.get("/v1/instances", (_request, reply) => reply.type("application/json; charset=utf-8").send(bytes));

await api.listen({ path: `${path}/api` });
await changed.listen({ path: `${path}/changed` });
await bare.listen({ path: `${path}/bare` });
process.send?.(bytes.length);
