/**
 * The schema of `schema.ts` as plain data (`schema.json` is made from it, see `json-schema.ts`): all that the daemon needs,
 * which so does not load TypeBox (100 ms, 15 MB).
 */
import { type Node, node } from "./expectation.ts";
import data from "./schema.json" with { type: "json" };

/** The whole file. */
export const FILE_SCHEMA: Node = data;
/** One instance: the only pattern of `instances`. */
export const INSTANCE_SCHEMA: Node = node(Object.values(data.properties.instances.patternProperties)[0]);
