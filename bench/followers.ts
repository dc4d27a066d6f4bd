/** Followers of the events, a process of its own: `followers.ts SOCKET COUNT`. Tells its parent when each of them heard of a state. */
import { get } from "node:http";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { SupervisorEvent } from "../src/daemon/events/model.ts";
import { monotonic } from "./scene.ts";

/** What is told: when each follower heard that an instance is in a state, in microseconds of {@link monotonic}. */
export const Heard = Type.Object({ instance: Type.String(), state: Type.String(), at: Type.Array(Type.Number()) });

function follow(socketPath: string, count: number): void {
  const heard = new Map<string, number[]>();
  let following = 0;
  /** Only the last of them reads what it says: what is measured is to be the supervisor's time, not theirs. */
  const take = (at: number, block: string): void => {
    const id = block.slice(0, block.indexOf("\n"));
    const times = heard.get(id) ?? [];
    heard.set(id, times);
    times.push(at);
    if (times.length < count) return;
    const { kind, instance, fields } = Value.Parse(SupervisorEvent, JSON.parse(block.slice(block.indexOf("{"))));
    if (kind === "state") process.send?.({ instance, state: fields.state, at: times });
  };
  for (let index = 0; index < count; index++)
    get({ socketPath, path: "/v1/events/stream", agent: false }, (answer) => {
      if (++following === count) process.send?.("all follow");
      answer.on("data", (chunk: Buffer) => {
        const at = monotonic();
        for (const block of chunk.toString("latin1").split("\n\n")) if (block.startsWith("id: ")) take(at, block);
      });
    });
}

if (import.meta.main) follow(process.argv[2] ?? "", Number(process.argv[3]));
