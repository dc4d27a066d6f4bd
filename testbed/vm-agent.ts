/**
 * Runs programs in a virtual machine for the host: one request a line on stdin, one answer a line on stdout, each when its
 * program has ended.
 */
import { createInterface } from "node:readline";
import { run } from "./run.ts";
import { type Answer, isRequest, type Request } from "./vm-messages.ts";

async function answerTo({ id, argv, label, input, ...options }: Request): Promise<Answer> {
  try {
    return { id, result: await run(argv, { ...options, input: Buffer.from(input, "base64") }, label) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request: unknown = JSON.parse(line);
  if (isRequest(request)) answerTo(request).then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
}
