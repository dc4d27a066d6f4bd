/** One real turn of an agent: a new session at an `opencode serve`, one prompt, and what came of it. */
import { Type } from "typebox";
import { Value } from "typebox/value";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface TurnOptions {
  /** Sends one HTTP request, with its credentials, to the instance's server; `body` is JSON text. */
  readonly ask: (method: string, path: string, body?: string) => Promise<Answer>;
  readonly prompt: string;
}

/** A tool call that came to its end. */
export interface ToolUse {
  readonly tool: string;
  readonly status: "completed" | "error";
  /** What the tool put out, or why it failed. */
  readonly output: string;
}

export interface Turn {
  readonly session: string;
  readonly tools: readonly ToolUse[];
  /** The model's last words. */
  readonly text: string;
}

const Session = Type.Object({ id: Type.String() });
const Done = Type.Object({ status: Type.Literal("completed"), output: Type.String() });
const Failed = Type.Object({ status: Type.Literal("error"), error: Type.String() });
const ToolPart = Type.Object({
  type: Type.Literal("tool"),
  tool: Type.String(),
  state: Type.Union([Done, Failed]),
});
const TextPart = Type.Object({ type: Type.Literal("text"), text: Type.String() });
const Messages = Type.Array(
  Type.Object({ info: Type.Object({ role: Type.String() }), parts: Type.Array(Type.Unknown()) }),
);

/** Runs the turn; resolves when the model has said its last word. Rejects when the server refuses, with what it said. */
export async function agentTurn({ ask, prompt }: TurnOptions): Promise<Turn> {
  const json = async (method: string, path: string, content?: object): Promise<unknown> => {
    const { status, body } = await ask(method, path, content === undefined ? undefined : JSON.stringify(content));
    if (status !== 200) throw new Error(`${method} ${path} answers ${status}: ${body.slice(0, 500)}`);
    return JSON.parse(body);
  };
  const session = Value.Parse(Session, await json("POST", "/session", {})).id;
  await json("POST", `/session/${session}/message`, { parts: [{ type: "text", text: prompt }] });
  const messages = Value.Parse(Messages, await json("GET", `/session/${session}/message`));
  const parts = messages.filter(({ info }) => info.role === "assistant").flatMap((message) => message.parts);
  return { session, tools: parts.flatMap(toolUse), text: lastText(parts) };
}

function toolUse(part: unknown): ToolUse[] {
  if (!Value.Check(ToolPart, part)) return [];
  const { tool, state } = part;
  return [{ tool, status: state.status, output: state.status === "completed" ? state.output : state.error }];
}

const lastText = (parts: readonly unknown[]): string =>
  parts.flatMap((part) => (Value.Check(TextPart, part) ? [part.text] : [])).at(-1) ?? "";
