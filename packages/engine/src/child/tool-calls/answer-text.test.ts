import { describe, expect, test } from "vitest";
import { type AnswerText, MixedAnswer } from "./answer-text.ts";
import { GenericAnswer } from "./generic.ts";
import { hermes } from "./hermes.ts";
import { llama3 } from "./llama3.ts";
import { mistral } from "./mistral.ts";
import type { ToolFormat } from "./tool-format.ts";

const offered = new Set(["f"]);

/** Reads a text in pieces of every length; all have to give the same. */
function read(open: () => AnswerText, text: string) {
  const results = Array.from({ length: text.length }, (_, index) => {
    const answer = open();
    let content = "";
    for (let at = 0; at < text.length; at += index + 1) content += answer.push(text.slice(at, at + index + 1));
    const end = answer.end();
    return { content: content + end.text, calls: end.toolCalls.map((call) => call.function) };
  });
  for (const result of results) expect(result).toEqual(results[0]);
  return results[0];
}

const mixed = (format: ToolFormat, onCalls = (_text: string) => {}) => new MixedAnswer({ format, offered, onCalls });
const call = '<tool_call>\n{"name": "f", "arguments": {"a": "b"}}\n</tool_call>';
const made = [{ name: "f", arguments: '{"a":"b"}' }];

describe("content and calls, however the text is cut", () => {
  test.each<[string, ToolFormat, string, object]>([
    ["only a call", hermes, call, { content: "", calls: made }],
    ["content before a call", hermes, `One moment.\n\n${call}\n${call}`, { content: "One moment.", calls: [...made, ...made] }],
    ["content alone", hermes, "a < b,\n <tool> \n", { content: "a < b,\n <tool> \n", calls: [] }],
    ["half a marker", hermes, "Then: <tool_", { content: "Then: <tool_", calls: [] }],
    ["text behind a call", hermes, `Hm \n${call} done`, { content: `Hm \n${call} done`, calls: [] }],
    ["a call of something else", hermes, call.replace('"f"', '"g"'), { content: call.replace('"f"', '"g"'), calls: [] }],
    ["a call that is cut", hermes, `So ${call.slice(0, -20)}`, { content: `So ${call.slice(0, -20)}`, calls: [] }],
    ["a call", llama3, ' {"name": "f", "parameters": {"a": "b"}}', { content: "", calls: made }],
    ["a call behind a tag", llama3, '<|python_tag|>{"name" : "f", "parameters": {"a": "b"}}', { content: "", calls: made }],
    ["JSON that is no call", llama3, '{"names": ["f"]}', { content: '{"names": ["f"]}', calls: [] }],
    [
      "a call in the midst",
      llama3,
      'As in {"name": "f", "parameters": {}}',
      { content: 'As in {"name": "f", "parameters": {}}', calls: [] },
    ],
    ["a beginning that ends there", llama3, ' {"na', { content: ' {"na', calls: [] }],
    ["a list", mistral, '[x] [TOOL_CALLS] [{"name": "f", "arguments": {"a": "b"}}]', { content: "[x]", calls: made }],
  ])("%s", (_name, format, text, expected) => {
    expect(read(() => mixed(format), text)).toEqual(expected);
  });

  test("gives each call an id of its own", () => {
    const answer = mixed(hermes);
    answer.push(call + call);
    const ids = answer.end().toolCalls.map(({ id }) => id);
    expect(ids).toEqual([expect.stringMatching(/^call_[0-9A-Za-z]{24}$/), expect.stringMatching(/^call_/)]);
    expect(new Set(ids).size).toBe(2);
  });

  test("tells once where calls begin, with what is there of them", () => {
    const told: string[] = [];
    const answer = mixed(hermes, (text) => told.push(text));
    for (const text of ["Well ", "<tool", '_call>\n{"', 'name": "f"', "<tool_call>"]) answer.push(text);
    expect(told).toEqual(['<tool_call>\n{"']);
  });

  test("lets content out at once", () => {
    const answer = mixed(hermes);
    expect(["One", " moment", ". ", "<b>", " <tool", "s> a"].map((text) => answer.push(text))).toEqual([
      "One",
      " moment",
      ".",
      " <b>",
      "",
      " <tools> a",
    ]);
  });
});

describe("the generic form", () => {
  const generic = () => new GenericAnswer(offered);

  test.each([
    ["text", '{"response": "It is noon."}', { content: "It is noon.", calls: [] }],
    ["text with escapes", '{"response": "a\\n\\"b\\" \\\\ \\u00e9 😀 \\/"}', { content: 'a\n"b" \\ é 😀 /', calls: [] }],
    ["text that is cut", '{"response": "It is', { content: "It is", calls: [] }],
    ["text cut in an escape", '{"response": "It is \\u00', { content: "It is ", calls: [] }],
    ["text like a call", '{"response": "{\\"tool_calls\\": []}"}', { content: '{"tool_calls": []}', calls: [] }],
    [
      "calls",
      '{"tool_calls": [{"name": "f", "arguments": {"a": "b"}}, {"name": "f", "arguments": {"a": "b"}}]}',
      { content: "", calls: [...made, ...made] },
    ],
    ["calls that are cut", '{"tool_calls": [{"name"', { content: '{"tool_calls": [{"name"', calls: [] }],
  ])("%s", (_name, text, expected) => expect(read(generic, text)).toEqual(expected));

  test("lets text out as it comes", () => {
    const answer = generic();
    const pieces = ['{"resp', 'onse": "It', " is \\", 'n"noon', '."}'].slice(0, 3);
    expect(pieces.map((text) => answer.push(text))).toEqual(["", "It", " is "]);
    expect(answer.push("nnoon")).toBe("\nnoon");
  });
});
