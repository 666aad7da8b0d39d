import { describe, expect, test } from "vitest";
import { AppError } from "./errors.ts";
import type { Message } from "./job-request.ts";
import { requestTexts } from "./job-request.ts";
import { type Params, paramsSchema } from "./params.ts";
import { toJobRequest } from "./submit.ts";
import type { Tool } from "./tools.ts";

const tool = (name: string, parameters?: Record<string, unknown>): Tool => ({
  type: "function",
  function: { name, ...(parameters === undefined ? {} : { parameters }) },
});
const tools = [tool("get_weather", { type: "object", properties: { city: { type: "string" } } }), tool("now")];
const named = (name: string) => ({ type: "function" as const, function: { name } });
const call = (id: string, text = "{}") => ({ id, type: "function" as const, function: { name: "now", arguments: text } });

function refusal(run: () => unknown): { code: string; param: string | null; message: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, param: error.param, message: error.message };
    throw error;
  }
  throw new Error("was not refused");
}

describe("the form of tools", () => {
  const takes = (params: unknown) => paramsSchema.safeParse(params).success;
  const list = (fields: object) => ({ tools: [{ type: "function", function: { name: "a", ...fields } }] });

  test.each<object>([
    list({}),
    list({ name: "A-b_9".padEnd(64, "x") }),
    list({ description: "", parameters: {}, strict: null }),
    { tools, tool_choice: "none" },
    { tools, tool_choice: named("now"), parallel_tool_calls: false },
    { tools: Array(128).fill(tool("a")) },
  ])("takes %j", (params) => expect(takes(params)).toBe(true));

  test.each<object>([
    { tools: [] },
    { tools: Array(129).fill(tool("a")) },
    { tools: [{ type: "code" }] },
    { tools: [{ ...tool("a"), more: 1 }] },
    list({ name: "" }),
    list({ name: "a b" }),
    list({ name: "x".repeat(65) }),
    list({ parameters: [] }),
    list({ more: 1 }),
    { tools, tool_choice: "always" },
    { tools, tool_choice: named("no way") },
    { tools, tool_choice: { ...named("now"), more: 1 } },
    { tools, parallel_tool_calls: 1 },
  ])("refuses %j", (params) => expect(takes(params)).toBe(false));
});

test.each<Record<string, unknown>>([
  { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { type: "object" } } },
  { anyOf: [{ type: "object", properties: {} }, { properties: { a: { type: "string" } } }] },
])("takes parameters that are an object in other words: %j", (parameters) => {
  expect(toJobRequest({ prompt: "a", params: { tools: [tool("a", parameters)] } }, 1)).toMatchObject({ type: "chat" });
});

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("refuses by name", () => {
  test.each<[string, Params, object]>([
    ["a choice without tools", { tool_choice: "auto" }, { param: "params.tool_choice" }],
    ["parallel calls without tools", { parallel_tool_calls: true }, { param: "params.parallel_tool_calls" }],
    ["a name twice", { tools: [tool("a"), tool("b"), tool("a")] }, { param: "params.tools.2.function.name" }],
    ["a choice that is no tool", { tools, tool_choice: named("then") }, { param: "params.tool_choice.function.name" }],
    ["tools with a grammar", { tools, grammar: "root ::= [a]" }, { param: "params.grammar" }],
    ["tools with JSON", { tools, response_format: { type: "json_object" } }, { param: "params.response_format" }],
    ["tools without an end", { tools, ignore_eos: true }, { param: "params.ignore_eos" }],
    [
      "parameters that are no object",
      { tools: [tool("a", { type: "string" })] },
      { param: "params.tools.0.function.parameters.type" },
    ],
    [
      "parameters that may be something else",
      { tools: [tool("a", { type: ["object", "null"] })] },
      { param: "params.tools.0.function.parameters.type" },
    ],
    [
      "parameters that no grammar can keep",
      { tools: [tool("a", { type: "object", properties: { b: { type: "string", pattern: "(?=c)" } } })] },
      { code: "unsupported_schema", param: "params.tools.0.function.parameters.properties.b.pattern" },
    ],
    [
      "schemas that are too large together",
      { tools: ["a", "b"].map((name) => tool(name, { type: "object", properties: { b: { enum: numbers(3_000) } } })) },
      { code: "unsupported_schema", param: "params.tools.1.function.parameters.properties.b.enum" },
    ],
  ])("%s", (_name, params, expected) => {
    expect(refusal(() => toJobRequest({ prompt: "a", params }, 1))).toMatchObject({ code: "invalid_request", ...expected });
  });

  test("tools for a completion", () => {
    const body = { type: "completion" as const, prompt: "a", params: { tools } };
    expect(refusal(() => toJobRequest(body, 1))).toMatchObject({ code: "invalid_request", param: "params.tools" });
  });
});

describe("messages about tools", () => {
  const asked: Message = { role: "user", content: "What time is it?" };
  const calls: Message = { role: "assistant", content: null, tool_calls: [call("call_1"), call("call_2", '{"a":[1]}')] };
  const answer = (id: string): Message => ({ role: "tool", tool_call_id: id, content: "" });

  test.each<[string, Message[], Params]>([
    ["results in another order, one missing", [asked, calls, answer("call_2")], {}],
    ["results much later", [asked, calls, asked, answer("call_1")], { tools }],
    ["text beside calls", [asked, { ...calls, content: "One moment." } as Message, answer("call_1")], { tools }],
    ["plain text format beside tools", [asked], { tools, response_format: { type: "text" } }],
    ["a beginning of an answer where no tools are", [asked, { role: "assistant", content: "It is" }], {}],
  ])("take %s", (_name, messages, params) => {
    expect(toJobRequest({ messages, params }, 1)).toMatchObject({ type: "chat", messages });
  });

  test.each<[string, Message[], Params, string]>([
    ["a result of nothing", [asked, answer("call_1")], {}, "messages.1.tool_call_id"],
    ["a result before its call", [answer("call_1"), calls, asked], {}, "messages.0.tool_call_id"],
    ["a result under another id", [asked, calls, answer("call_3")], {}, "messages.2.tool_call_id"],
    ["calls that nothing answers", [asked, calls], {}, "messages.1"],
    ["a beginning of an answer beside tools", [asked, { role: "assistant", content: "It is" }], { tools }, "messages.1"],
    ...['{"a":', "[]", "1", "null", ""].map((text): [string, Message[], Params, string] => [
      `arguments ${text}`,
      [asked, { role: "assistant", tool_calls: [call("call_0"), call("call_1", text)] }, answer("call_1")],
      {},
      "messages.1.tool_calls.1.function.arguments",
    ]),
  ])("refuse %s", (_name, messages, params, param) => {
    expect(refusal(() => toJobRequest({ messages, params }, 1))).toMatchObject({ code: "invalid_request", param });
  });

  test("count with the texts that they have", () => {
    const messages: Message[] = [asked, calls, { role: "tool", tool_call_id: "call_1", content: "noon" }];
    expect(requestTexts(toJobRequest({ messages }, 1))).toEqual(["What time is it?", "noon"]);
  });
});
