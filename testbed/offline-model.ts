/**
 * A model without a network: an OpenAI-compatible server that does what the prompt says, line by line, and nothing else.
 *
 *   node testbed/offline-model.ts --port N [--address A]
 *
 * A prompt carries its own script: every line of the form `TOOL {"argument":…}` becomes one tool call, made after the result
 * of the one before has come in; then the answer is a text, and the turn is over. A prompt without such a line has its
 * commands in backticks run by bash, as a model would do that a person asks so; one without either gets {@link DEFAULT_SCRIPT}. How far a turn is follows from the messages alone, so the server keeps nothing.
 * It speaks as much of chat completions as `@ai-sdk/openai-compatible` uses: server-sent chunks, ended by `[DONE]`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";

const Part = Type.Object({ type: Type.String(), text: Type.Optional(Type.String()) });
const Message = Type.Object({
  role: Type.String(),
  content: Type.Optional(Type.Union([Type.String(), Type.Array(Part), Type.Null()])),
});
const Request = Type.Object({
  model: Type.String(),
  stream: Type.Literal(true),
  messages: Type.Array(Message),
  tools: Type.Optional(Type.Array(Type.Object({ function: Type.Object({ name: Type.String() }) }))),
});
type Message = Static<typeof Message>;
export type Request = Static<typeof Request>;

export interface ToolCall {
  readonly tool: string;
  /** The tool's arguments, JSON text. */
  readonly input: string;
}
export type Reply = { readonly say: string } | { readonly call: ToolCall; readonly id: string };

/** Runs a program and edits what it wrote; in the directory that the agent works in. */
export const DEFAULT_SCRIPT = [
  'bash {"command":"git --version | tee offline-model.txt"}',
  'edit {"filePath":"offline-model.txt","oldString":"git version","newString":"This machine has git"}',
].join("\n");

/** Whatever is asked for (opencode's titles, summaries): requests without tools get this. */
const TITLE = "Offline turn";
const SCRIPT_LINE = /^([a-z]+) (\{.*\})$/;

const textOf = ({ content }: Message): string =>
  typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("\n");

const COMMAND = /`([^`\n]+)`/g;

function scriptOf(prompt: string): ToolCall[] {
  const lines = prompt.split("\n").flatMap((line) => {
    const [, tool, input] = SCRIPT_LINE.exec(line.trim()) ?? [];
    return tool === undefined || input === undefined ? [] : [{ tool, input }];
  });
  return lines.length > 0 ? lines : [...prompt.matchAll(COMMAND)].map(([, command]) => bash(command));
}

const bash = (command = ""): ToolCall => ({ tool: "bash", input: JSON.stringify({ command }) });

/** What the model says next. */
export function reply({ messages, tools = [] }: Request): Reply {
  if (tools.length === 0) return { say: TITLE };
  const asked = messages.findLastIndex(({ role }) => role === "user");
  const prompt = messages[asked];
  const own = scriptOf(prompt === undefined ? "" : textOf(prompt));
  const script = own.length > 0 ? own : scriptOf(DEFAULT_SCRIPT);
  const done = messages.slice(asked + 1).filter(({ role }) => role === "tool").length;
  const call = script[done];
  if (call === undefined) return { say: `Done: ${script.map(({ tool }) => tool).join(", ")}.` };
  if (tools.some((tool) => tool.function.name === call.tool)) return { call, id: `call_${asked}_${done}` };
  return { say: `There is no tool named ${call.tool}.` };
}

/** The chunks of an answer, as the `data:` of server-sent events. */
export function chunks(model: string, answer: Reply): object[] {
  const chunk = (delta: object, finish_reason: string | null = null): object => ({
    ...{ id: "chatcmpl-offline", object: "chat.completion.chunk", created: 0, model },
    choices: [{ index: 0, delta, finish_reason }],
  });
  if ("say" in answer) return [chunk({ role: "assistant", content: answer.say }), chunk({}, "stop")];
  const { tool, input } = answer.call;
  const call = { index: 0, id: answer.id, type: "function", function: { name: tool, arguments: input } };
  return [chunk({ role: "assistant", content: null, tool_calls: [call] }), chunk({}, "tool_calls")];
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: { message, type: "invalid_request_error" } }));
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const route = `${request.method} ${request.url}`;
  if (route !== "POST /v1/chat/completions") {
    refuse(response, 404, `no ${route}; there is POST /v1/chat/completions`);
    return;
  }
  const body = parse(await text(request));
  if (!Value.Check(Request, body)) {
    refuse(response, 400, `not a streaming chat completion: ${Value.Errors(Request, body)[0]?.message}`);
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const chunk of chunks(body.model, reply(body))) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  response.end("data: [DONE]\n\n");
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

/** Listens; resolves once it does, rejects when it cannot. Port 0 takes a free one. */
export async function offlineModel(port: number, address = "127.0.0.1"): Promise<Server> {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, resolve);
  });
  return server;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: "string" }, address: { type: "string" } } });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new Error("usage: node testbed/offline-model.ts --port N [--address A]");
  }
  await offlineModel(port, values.address);
}
