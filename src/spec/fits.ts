/**
 * Whether an instance fits the schema, by ajv. In `dist` the code that ajv makes of the schema takes this module's place
 * (`scripts/build-fits.ts`): ajv and its compiling take 50 ms of each start.
 */
import { Ajv, type Options } from "ajv";
import { FORMATS } from "./formats.ts";
import type { InstanceInput } from "./schema.ts";
import { INSTANCE_SCHEMA } from "./schema-data.ts";

export const OPTIONS: Options = {
  allErrors: true,
  verbose: true,
  messages: false,
  useDefaults: true,
  // The schema is ours and tested: looking it over would take as long as compiling it.
  ...{ meta: false, validateSchema: false },
  formats: Object.fromEntries(
    [...FORMATS].map(([name, { fault }]) => [name, { validate: (text: string) => fault(text) === null }]),
  ),
};

/** Fills in the defaults of what it is asked about; `fits.errors` is what did not fit the last one. */
export const fits = new Ajv(OPTIONS).compile<InstanceInput>(INSTANCE_SCHEMA);
