import type { Message, Tool, ToolCall } from "@llamero/core";
import { literal } from "../json-schema/grammar-rules.ts";
import { type AnswerText, toToolCalls } from "./answer-text.ts";
import { type CallRule, jsonCallRules, list } from "./call-rules.ts";
import { allCalls, readCall, readJson } from "./read-calls.ts";

const RESPONSE = '{"response": "';
const CALLS = '{"tool_calls": [';

/** Text in JSON, without escapes that stand for half a character: the model writes such characters as they are. */
const STRING_RULES = `character ::= [^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | "u" unit)
unit ::= [0-9a-cA-CefEF] hex{3} | [dD] [0-7] hex{2}
hex ::= [0-9a-fA-F]`;

/** The grammar of an answer for models that know nothing of tools: an object with calls, or one with text. */
export function genericGrammar(options: { calls: readonly CallRule[]; isParallel: boolean; mayAnswer: boolean }): string {
  const calls = `${literal(CALLS)} ${list("call", '"," sp', options.isParallel)} "]}"`;
  const response = `${literal(RESPONSE)} character* "\\"}"`;
  const rules = jsonCallRules(options.calls, "arguments");
  return options.mayAnswer
    ? [`root ::= ${calls} | ${response}`, rules, STRING_RULES].join("\n")
    : [`root ::= ${calls}`, rules].join("\n");
}

/** Whole characters of a JSON string, from its beginning to its end or to where it is cut. */
const WHOLE_CHARACTERS = /^(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/;

/** Reads answers under the generic grammar: text is let out as it comes, calls at the end. */
export class GenericAnswer implements AnswerText {
  readonly #offered: ReadonlySet<string>;
  #held = "";
  #isResponse = false;

  constructor(offered: ReadonlySet<string>) {
    this.#offered = offered;
  }

  push(text: string): string {
    this.#held += text;
    if (!this.#isResponse && this.#held.startsWith(RESPONSE)) {
      this.#isResponse = true;
      this.#held = this.#held.slice(RESPONSE.length);
    }
    if (!this.#isResponse) return "";
    const [whole = ""] = WHOLE_CHARACTERS.exec(this.#held) ?? [];
    this.#held = this.#held.slice(whole.length);
    return String(readJson(`"${whole}"`));
  }

  /** What is left of a response is its end, or half an escape; what is left of cut calls stays as it is. */
  end(): { text: string; toolCalls: ToolCall[] } {
    if (this.#isResponse) return { text: "", toolCalls: [] };
    const written = readJson(this.#held);
    const calls = typeof written === "object" && written !== null && "tool_calls" in written ? written.tool_calls : null;
    const read = Array.isArray(calls) ? allCalls(calls.map((call) => readCall(call, ["arguments"]))) : null;
    const toolCalls = toToolCalls(read ?? [], this.#offered);
    return { text: toolCalls.length > 0 ? "" : this.#held, toolCalls };
  }
}

const CALL_FORM = '{"tool_calls": [{"name": "the function\'s name", "arguments": {…}}]}';

function instructions(tools: readonly Tool[], mayAnswer: boolean): string {
  const listed = tools.map(({ function: { name, description, parameters } }) =>
    JSON.stringify({ name, description, parameters }),
  );
  const answer = ["Otherwise answer with one JSON object of this form:", '{"response": "your answer"}'];
  return [
    "You can call these functions, each given with the JSON schema of its parameters:",
    ...listed,
    "",
    "To call functions, answer with one JSON object of this form:",
    CALL_FORM,
    ...(mayAnswer ? answer : []),
  ].join("\n");
}

function withoutTools(message: Message, names: ReadonlyMap<string, string>): Message {
  if (message.role === "assistant" && message.tool_calls !== undefined) {
    const calls = message.tool_calls.map(
      ({ function: { name, arguments: written } }) => `{"name": "${name}", "arguments": ${written}}`,
    );
    const content = `${CALLS}${calls.join(", ")}]}`;
    return { role: "assistant", content: message.content ? `${message.content}\n${content}` : content };
  }
  if (message.role !== "tool") return message;
  const result = { name: names.get(message.tool_call_id), content: message.content };
  return { role: "user", content: JSON.stringify({ tool_result: result }) };
}

/**
 * A chat with tools in words that any model takes: the tools in the first system message, calls as the model is told to write
 * them, results as messages of the user.
 * @param mayAnswer whether the model is offered to answer without a call
 */
export function genericMessages(messages: readonly Message[], tools: readonly Tool[], mayAnswer: boolean): Message[] {
  const calls = messages.flatMap((message) => (message.role === "assistant" ? (message.tool_calls ?? []) : []));
  const names = new Map(calls.map((call) => [call.id, call.function.name]));
  const plain = messages.map((message) => withoutTools(message, names));
  if (tools.length === 0) return plain;
  const [first] = plain;
  const offer = instructions(tools, mayAnswer);
  if (first?.role !== "system") return [{ role: "system", content: offer }, ...plain];
  return [{ role: "system", content: `${first.content}\n\n${offer}` }, ...plain.slice(1)];
}
