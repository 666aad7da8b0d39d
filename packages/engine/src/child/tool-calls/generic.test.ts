import type { Message, Tool } from "@llamero/core";
import { describe, expect, test } from "vitest";
import { genericGrammar, genericMessages } from "./generic.ts";

const parameters = { type: "object", properties: { city: { type: "string" } } };
const weather: Tool = {
  type: "function",
  function: { name: "get_weather", description: "Today's.", parameters, strict: true },
};
const call = (id: string) => ({
  id,
  type: "function" as const,
  function: { name: "get_weather", arguments: '{"city": "Oslo"}' },
});
const asked: Message = { role: "user", content: "Weather?" };

describe("a chat for a template without tools", () => {
  test("lists the tools in a system message, and both forms of an answer", () => {
    const [system, ...rest] = genericMessages([asked], [weather], true);
    expect(rest).toEqual([asked]);
    expect(system).toMatchObject({ role: "system" });
    const listed = { name: "get_weather", description: "Today's.", parameters };
    expect(system?.content).toContain(`\n${JSON.stringify(listed)}\n`);
    expect(system?.content).toMatch(/\{"tool_calls": \[.*\{"response": /s);
  });

  test("adds to the system message that is there, and offers no text where a call is required", () => {
    const [system, ...rest] = genericMessages([{ role: "system", content: "Be brief." }, asked], [weather], false);
    expect(rest).toEqual([asked]);
    expect(system?.content).toMatch(/^Be brief\.\n\n/);
    expect(system?.content).not.toContain('"response"');
  });

  test("shows calls as the model is to write them, and results under the function's name", () => {
    const chat: Message[] = [
      asked,
      { role: "assistant", content: "One moment.", tool_calls: [call("call_1"), call("call_2")] },
      { role: "tool", tool_call_id: "call_2", content: 'Sunny, "21"' },
    ];
    const [, calls, result] = genericMessages(chat, [], true);
    const [text, json = ""] = (calls?.content ?? "").split("\n");
    expect([calls?.role, text]).toEqual(["assistant", "One moment."]);
    const written = { name: "get_weather", arguments: { city: "Oslo" } };
    expect(JSON.parse(json)).toEqual({ tool_calls: [written, written] });
    expect(result?.role).toBe("user");
    expect(JSON.parse(result?.content ?? "")).toEqual({ tool_result: { name: "get_weather", content: 'Sunny, "21"' } });
  });
});

test("the grammar has text only where text is an answer", () => {
  const calls = [{ name: "get_weather", argumentsRule: "arguments-0-root" }];
  expect(genericGrammar({ calls, isParallel: true, mayAnswer: true })).toMatch(/^root ::= .*tool_calls.* \| .*response/);
  expect(genericGrammar({ calls, isParallel: true, mayAnswer: false })).not.toContain("response");
});
