import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { DEFAULT_SCRIPT, offlineModel, type Request, reply } from "./offline-model.ts";

const tools = ["bash", "edit"].map((name) => ({ function: { name } }));
const user = (content: string) => ({ role: "user", content });
const conversation = (...messages: Request["messages"]): Request => ({ model: "m", stream: true, messages, tools });
const afterCalls = (prompt: string, results: number): Request =>
  conversation(user(prompt), ...Array.from({ length: results }, () => ({ role: "tool", content: "ok" })));

describe("what the model says", () => {
  const prompt = 'Please:\nbash {"command":"true"}\n  edit {"filePath":"a"}\nThank you {"a":1}';

  it("calls the tools of the prompt one by one, then ends the turn", () => {
    assert.deepEqual(reply(afterCalls(prompt, 0)), {
      call: { tool: "bash", input: '{"command":"true"}' },
      id: "call_0_0",
    });
    assert.deepEqual(reply(afterCalls(prompt, 1)), {
      call: { tool: "edit", input: '{"filePath":"a"}' },
      id: "call_0_1",
    });
    assert.deepEqual(reply(afterCalls(prompt, 2)), { say: "Done: bash, edit." });
  });

  it("follows the newest prompt of a session", () => {
    const next = {
      ...afterCalls(prompt, 2),
      messages: [...afterCalls(prompt, 2).messages, user('bash {"command":"id"}')],
    };
    assert.deepEqual(reply(next), { call: { tool: "bash", input: '{"command":"id"}' }, id: "call_3_0" });
  });

  it("reads a prompt that comes in parts", () => {
    const parts = ['bash {"command":"id"}', "thanks"].map((text) => ({ type: "text", text }));
    assert.partialDeepStrictEqual(reply(conversation({ role: "user", content: parts })), { call: { tool: "bash" } });
  });

  it("runs the commands that a prompt has in backticks when it has no such lines", () => {
    const asked = "Run `curl -sS http://h/`, then `id`.";
    const call = (command: string) => ({ call: { tool: "bash", input: JSON.stringify({ command }) } });
    assert.partialDeepStrictEqual(reply(afterCalls(asked, 0)), call("curl -sS http://h/"));
    assert.partialDeepStrictEqual(reply(afterCalls(asked, 1)), call("id"));
    assert.deepEqual(reply(afterCalls(`${asked}\nbash {"command":"true"}`, 1)), { say: "Done: bash." });
  });

  it("does the default script for any other prompt", () => {
    assert.partialDeepStrictEqual(reply(afterCalls("hello", 0)), { call: { tool: "bash" } });
    assert.deepEqual(reply(afterCalls("hello", DEFAULT_SCRIPT.split("\n").length)), { say: "Done: bash, edit." });
  });

  it("ends the turn at a tool that is not there", () => {
    assert.deepEqual(reply(afterCalls('fly {"to":"moon"}', 0)), { say: "There is no tool named fly." });
  });

  it("gives a title to a request without tools", () => {
    assert.deepEqual(reply({ model: "m", stream: true, messages: [user(prompt)] }), { say: "Offline turn" });
  });
});

describe("the protocol", () => {
  let url = "";
  let server: Awaited<ReturnType<typeof offlineModel>>;
  const post = (body: string, path = "/v1/chat/completions") => fetch(`${url}${path}`, { method: "POST", body });

  before(async () => {
    server = await offlineModel(0);
    const { port } = Value.Parse(Type.Object({ port: Type.Integer() }), server.address());
    url = `http://127.0.0.1:${port}`;
  });
  after(() => server.close());

  /** The `data:` of each event. */
  async function events(request: Request): Promise<string[]> {
    const response = await post(JSON.stringify(request));
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const blocks = (await response.text()).split("\n\n");
    assert.equal(blocks.pop(), "");
    return blocks.map((block) => block.replace(/^data: /, ""));
  }

  it("streams a tool call as chunks that end with its finish reason", async () => {
    const all = await events(conversation(user('bash {"command":"true"}')));
    assert.equal(all.pop(), "[DONE]");
    const [first, last, ...more] = all.map((data): unknown => JSON.parse(data));
    assert.deepEqual(more, []);
    assert.partialDeepStrictEqual(first, {
      object: "chat.completion.chunk",
      model: "m",
      choices: [{ delta: { tool_calls: [{ index: 0, function: { name: "bash", arguments: '{"command":"true"}' } }] } }],
    });
    assert.partialDeepStrictEqual(last, { choices: [{ delta: {}, finish_reason: "tool_calls" }] });
  });

  it("streams a text likewise", async () => {
    const all = await events(afterCalls("hello", 2));
    assert.match(all[0] ?? "", /"content":"Done: bash, edit\."/);
    assert.match(all[1] ?? "", /"finish_reason":"stop"/);
    assert.equal(all[2], "[DONE]");
  });

  it("refuses what is no streaming chat completion", async () => {
    for (const body of ["", "{", "[]", '{"model":"m","messages":[]}', '{"model":"m","messages":[],"stream":false}']) {
      const response = await post(body);
      assert.equal(response.status, 400, body);
      assert.match(await response.text(), /not a streaming chat completion/);
    }
    assert.equal((await post("{}", "/v1/models")).status, 404);
  });
});
