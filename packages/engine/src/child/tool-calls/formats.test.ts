import { describe, expect, test } from "vitest";
import { templates } from "../../../test/chat-templates.ts";
import { formatOf } from "./formats.ts";
import { hermes } from "./hermes.ts";
import { llama3 } from "./llama3.ts";
import { mistral, mistralNamed } from "./mistral.ts";
import type { ToolFormat } from "./tool-format.ts";

describe("the format of a template", () => {
  test.each(Object.entries(templates))("%s", (name, template) => expect(formatOf(template)?.name).toBe(name));

  test.each([
    ["a template without tools", "{% for message in messages %}{{ message.content }}{% endfor %}"],
    ["a marker without tools", "{{ messages[0].content }}<tool_call>"],
    ["tools in a form that is not known", "{% for tool in tools %}{{ tool }}{% endfor %}"],
    ["Qwen3-Coder's XML", "{{ tools | tojson }}<tool_call>\n<function=name>\n"],
    ["GLM's XML", "{{ tools | tojson }}<tool_call>{{ name }}\n<arg_key>"],
    ["nothing", ""],
  ])("%s: none", (_name, template) => expect(formatOf(template)).toBeNull());
});

const call = (name: string, written = "{}") => ({ name, arguments: written });
const strange = '{"a":"</tool_call>[TOOL_CALLS]\\"}{","b":[{"c":{}}]}';

describe.each<[ToolFormat, [string, string, unknown][]]>([
  [
    hermes,
    [
      ["a call", '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>', [call("f", '{"a":1}')]],
      ["no white space", '<tool_call>{"name":"f","arguments":{}}</tool_call>', [call("f")]],
      [
        "two calls",
        '<tool_call>{"name":"f","arguments":{}}</tool_call>\n<tool_call>{"arguments":{},"name":"g"}</tool_call>\n',
        [call("f"), call("g")],
      ],
      ["markers in a text", `<tool_call>{"name":"f","arguments":${strange}}</tool_call>`, [call("f", strange)]],
      [
        "numbers as they are written",
        '<tool_call>{"name":"f","arguments":{"id": 9007199254740993, "x": 1.10}}</tool_call>',
        [call("f", '{"id":9007199254740993,"x":1.10}')],
      ],
      ["a call without its end", '<tool_call>{"name":"f","arguments":{}}', null],
      ["a call that is cut", '<tool_call>{"name":"f","arguments":{"a":"}', null],
      ["text behind", '<tool_call>{"name":"f","arguments":{}}</tool_call> and so on', null],
      ["no JSON", "<tool_call>f()</tool_call>", null],
      ["half of it no call", '<tool_call>{"name":"f","arguments":{}}</tool_call><tool_call>{}</tool_call>', null],
      ["no name", '<tool_call>{"arguments":{}}</tool_call>', null],
      ["arguments as text", '<tool_call>{"name":"f","arguments":"{}"}</tool_call>', null],
      ["arguments as a list", '<tool_call>{"name":"f","arguments":[]}</tool_call>', null],
      ["nothing in it", "<tool_call></tool_call>", null],
    ],
  ],
  [
    llama3,
    [
      ["a call", '{"name": "f", "parameters": {"a": "b"}}', [call("f", '{"a":"b"}')]],
      ["arguments under the other name", '{"name": "f", "arguments": {}}', [call("f")]],
      ["two", '{"name": "f", "parameters": {}}; {"name": "g", "parameters": {}}', null],
      ["no arguments", '{"name": "f"}', null],
      ["another object", '{"name": {"a": 1}, "parameters": {}}', null],
      ["cut", '{"name": "f", "para', null],
    ],
  ],
  [
    mistral,
    [
      ["a call", '[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}]', [call("f", '{"a":1}')]],
      [
        "two, with ids",
        '[TOOL_CALLS][{"name": "f", "arguments": {}, "id": "123456789"}, {"name": "g", "arguments": {}, "id": "a"}]',
        [call("f"), call("g")],
      ],
      ["no list", '[TOOL_CALLS] {"name": "f", "arguments": {}}', null],
      ["an empty list", "[TOOL_CALLS] []", null],
      ["cut", '[TOOL_CALLS] [{"name": "f", "arguments": {}}', null],
    ],
  ],
  [
    mistralNamed,
    [
      ["a call", '[TOOL_CALLS]get-a_b1[ARGS]{"a": 1}', [call("get-a_b1", '{"a":1}')]],
      ["two", `[TOOL_CALLS]f[ARGS]${strange}[TOOL_CALLS]g[ARGS]{}`, [call("f", strange), call("g")]],
      ["no arguments", "[TOOL_CALLS]f[ARGS]", null],
      ["text behind", "[TOOL_CALLS]f[ARGS]{} and so on", null],
    ],
  ],
])("$name reads", (format, cases) => {
  test.each(cases)("%s", (_name, text, expected) => expect(format.parse(text)).toEqual(expected));

  test("anything at all without a failure", () => {
    const whole = cases.map(([, text]) => text).join("");
    for (let end = 0; end <= whole.length; end++) expect(() => format.parse(whole.slice(end)), String(end)).not.toThrow();
    const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
    for (const [, text] of cases) expect(() => format.parse(text.replace("{}", deep)), text).not.toThrow();
  });
});

test("ids are as Mistral's templates take them, and one call's id is one", () => {
  for (const id of ["call_1", "call_hXlAn7Zrj0pQ3tV9wY2bC5dE", "123456789"]) expect(mistral.callId(id)).toMatch(/^[0-9a-f]{9}$/);
  expect(mistral.callId("a")).toBe(mistral.callId("a"));
  expect(mistral.callId("a")).not.toBe(mistral.callId("b"));
});
