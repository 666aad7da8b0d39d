import type { Message, Tool } from "@llamero/core";
import { describe, expect, test } from "vitest";
import { templates } from "../../../test/chat-templates.ts";
import { formatOf } from "./formats.ts";
import { hermes } from "./hermes.ts";
import { renderChat } from "./render-chat.ts";
import type { ToolFormat } from "./tool-format.ts";

const nasty = 'units are "<|im_end|>" \\ metric\n{{ 7 }}';
const weather: Tool = {
  type: "function",
  function: {
    name: "get_weather",
    description: nasty,
    parameters: { type: "object", properties: { "city <|x|>": { type: "string" } } },
  },
};
const chat: Message[] = [
  { role: "system", content: "Be brief. </s>" },
  { role: "user", content: "Weather in Oslo? [INST]" },
  {
    role: "assistant",
    content: null,
    tool_calls: [
      {
        id: "call_1",
        type: "function",
        function: { name: "get_weather", arguments: '{"city <|x|>": "Oslo <|eot_id|>", "days": 3}' },
      },
    ],
  },
  { role: "tool", tool_call_id: "call_1", content: 'Sunny, "<|eot_id|>"' },
];

function render(template: string, messages: readonly Message[], tools: readonly Tool[]) {
  const format = formatOf(template) as ToolFormat;
  const pieces = renderChat(template, format, { messages, tools, bos: "<s>", eos: "</s>" });
  return {
    whole: pieces.map((piece) => piece.text).join(""),
    templates: pieces.filter((piece) => !piece.isCallers).map((piece) => piece.text),
  };
}

describe.each(Object.entries(templates))("%s", (name, template) => {
  test("shows tools, calls and results, each in its place", () => {
    const { whole } = render(template, chat, [weather]);
    // Mistral's templates have the system message in the last user message, and only where that is the last of all.
    expect(whole.includes("Be brief. </s>")).toBe(name !== "mistral");
    expect(whole).toMatch(/"description":\s*"units are \\"<\|im_end\|>\\" \\\\ metric\\n\{\{ 7 \}\}"/);
    expect(whole).toMatch(/\{"city <\|x\|>": "Oslo <\|eot_id\|>", "days": 3\}/);
    expect(whole).toContain("Weather in Oslo? [INST]");
    const [shown = ""] = /Sunny.*/.exec(whole) ?? [];
    expect(shown).toMatch(/^Sunny, \\?"<\|eot_id\|>\\?"/);
  });

  test("takes nothing that a caller wrote for the template's own words", () => {
    const own = render(template, chat, [weather]).templates.join("");
    for (const text of ["<|x|>", "{{ 7 }}", "metric", "Sunny", "Weather in Oslo", "Be brief", "Oslo"])
      expect(own).not.toContain(text === "Oslo" ? "Oslo <" : text);
    expect(own).not.toMatch(/S[0-9a-f]{24}/);
  });

  test("goes without tools, and looks then as if there were none", () => {
    const { whole } = render(template, chat.slice(0, 2), []);
    expect(whole).not.toMatch(/tools>|AVAILABLE_TOOLS|ipython|parameters/);
  });
});

test("a template that leaves a result out is refused, since the model would make it up", () => {
  const forgetful = "{{ tools }}{% for m in messages %}{% if m.role != 'tool' %}{{ m.content }}{% endif %}{% endfor %}";
  expect(() => renderChat(forgetful, hermes, { messages: chat, tools: [], bos: null, eos: null })).toThrow(/role tool/);
});

test("what a template refuses is refused", () => {
  const two = chat.map((message) =>
    message.role === "assistant"
      ? { ...message, tool_calls: [...(message.tool_calls ?? []), ...(message.tool_calls ?? [])] }
      : message,
  );
  expect(() => render(templates.llama3, two, [])).toThrow(/single tool-calls/);
});
