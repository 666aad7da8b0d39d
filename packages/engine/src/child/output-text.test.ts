import type { ToolCall } from "@llamero/core";
import { describe, expect, test } from "vitest";
import { OutputText } from "./output-text.ts";
import { type AnswerText, MixedAnswer } from "./tool-calls/answer-text.ts";
import { GenericAnswer } from "./tool-calls/generic.ts";
import { hermes } from "./tool-calls/hermes.ts";

const offered = new Set(["f"]);
const call = '<tool_call>\n{"name": "f", "arguments": {"a": "é"}}\n</tool_call>';

interface Case {
  bytes: readonly number[];
  stops?: string[];
  open?: () => AnswerText;
}

/** Tokens are bytes. */
function outputOf({ stops = [], open }: Case): OutputText {
  const detokenize = (tokens: number[]) => Buffer.from(tokens).toString("utf8");
  return new OutputText({ prompt: [], detokenize, stops, answer: open?.() ?? null });
}

/** Takes tokens until a stop text ends it, as a generation does. */
function push(output: OutputText, bytes: readonly number[]): string[] {
  const released: string[] = [];
  for (const byte of bytes) if (!output.isStopped) released.push(output.push(byte));
  return released;
}

const written = (calls: readonly ToolCall[]) => calls.map((one) => one.function);

const cases: [string, Case, string][] = [
  ["plain text", { bytes: [...Buffer.from("once upon")] }, "once upon"],
  ["code points of two to four bytes", { bytes: [...Buffer.from("é€😀x")] }, "é€😀x"],
  ["bytes that never become a code point", { bytes: [0x61, 0xe2, 0x82] }, "a\uFFFD"],
  ["a stop text", { bytes: [...Buffer.from("one STOP two")], stops: ["STOP"] }, "one "],
  ["a stop text with a code point in it", { bytes: [...Buffer.from("one 🛑! two")], stops: ["🛑!"] }, "one "],
  ["what only begins like a stop text", { bytes: [...Buffer.from("one STO two ST")], stops: ["STOP", "NO"] }, "one STO two ST"],
  ["a call behind content", { bytes: [...Buffer.from(`Well.\n${call}`)], open: () => mixed() }, "Well."],
  [
    "a call that is cut off",
    { bytes: [...Buffer.from(`Well.\n${call.slice(0, 30)}`)], open: () => mixed() },
    `Well.\n${call.slice(0, 30)}`,
  ],
  [
    "a call in the general form",
    { bytes: [...Buffer.from('{"tool_calls": [{"name": "f", "arguments": {}}]}')], open: () => new GenericAnswer(offered) },
    "",
  ],
  [
    "an answer in the general form",
    { bytes: [...Buffer.from('{"response": "a\\u00e9\\n😀"}')], open: () => new GenericAnswer(offered) },
    "aé\n😀",
  ],
];

const mixed = () => new MixedAnswer({ format: hermes, offered, onCalls: () => {} });

describe("the tokens of an output, taken in again up to any of them, go on to release what is left, once", () => {
  test.each(cases)("%s", (_name, given, text) => {
    const whole = outputOf(given);
    const released = push(whole, given.bytes);
    const end = whole.end();
    expect(whole.text).toBe(text);
    expect(released.join("") + end.tail).toBe(text);
    for (let split = 0; split <= released.length; split++) {
      const resumed = outputOf(given);
      push(resumed, given.bytes.slice(0, split));
      expect(resumed.text, `after ${split}`).toBe(released.slice(0, split).join(""));
      expect(push(resumed, given.bytes.slice(split)), `behind ${split}`).toEqual(released.slice(split));
      const last = resumed.end();
      expect([last.tail, written(last.toolCalls)], `end behind ${split}`).toEqual([end.tail, written(end.toolCalls)]);
      expect(resumed.text).toBe(text);
    }
  });
});

test("text that may still become something else is not released before its end", () => {
  const output = outputOf({ bytes: [], stops: ["STOP"] });
  push(output, [...Buffer.from("one STO")]);
  expect(output.text).toBe("one ");
  expect(output.end()).toEqual({ tail: "STO", toolCalls: [] });
  expect(output.text).toBe("one STO");
});

test("nothing comes behind a stop text", () => {
  const output = outputOf({ bytes: [], stops: ["STOP"] });
  push(output, [...Buffer.from("one STOP")]);
  expect([output.isStopped, output.end(), output.text]).toEqual([true, { tail: "", toolCalls: [] }, "one "]);
});
