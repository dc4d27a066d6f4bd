/** For tests: instance files in short. */
import { type ParsedFile, parseInstanceFile } from "./parse.ts";
import { formatProblem } from "./problem.ts";

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export const parseFile = (file: unknown): ParsedFile => parseInstanceFile(bytes(JSON.stringify(file)));

export const parseInstances = (instances: unknown): ParsedFile => parseFile({ version: 1, instances });

/** Problems as a person reads them. */
export const said = ({ problems }: ParsedFile): string[] => problems.map(formatProblem);

/** An instance without mistakes. */
export const good = (extra: object = {}): object => ({ directory: "/srv/a", listen: { port: 8787 }, ...extra });
