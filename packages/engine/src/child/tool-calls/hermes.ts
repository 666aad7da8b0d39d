import { jsonCallRules, list } from "./call-rules.ts";
import { lookFor } from "./marker.ts";
import { readCall, readSequence } from "./read-calls.ts";
import type { ToolFormat } from "./tool-format.ts";

const [OPEN, CLOSE] = ["<tool_call>", "</tool_call>"];
/** Between objects: the end of the call before, if there is one, and the beginning of the next. */
const AROUND = { head: /^(?:\s*<\/tool_call>)?\s*<tool_call>\s*/, tail: /^\s*<\/tool_call>\s*$/ };

/** Hermes 2 and 3, Qwen 2.5 and 3: a JSON object between tags for each call. */
export const hermes: ToolFormat = {
  name: "hermes",
  // Qwen3-Coder and GLM have the same tags around calls in XML.
  fits: (template) => template.includes(OPEN) && !/<function=|<arg_key>/.test(template),
  markers: [OPEN, CLOSE],
  callId: (id) => id,
  look: lookFor(OPEN),
  grammar: ({ calls, isParallel }) =>
    [
      `root ::= ${list("tagged", "sp", isParallel)}`,
      `tagged ::= "${OPEN}" sp call sp "${CLOSE}"`,
      jsonCallRules(calls, "arguments"),
    ].join("\n"),
  parse: (calls) => readSequence(calls, AROUND, (written) => readCall(written, ["arguments"])),
};
