import { jsonCallRules } from "./call-rules.ts";
import { readCall, readJson } from "./read-calls.ts";
import type { ToolFormat } from "./tool-format.ts";

/** An answer that is a call begins with this; each part may still be on its way. */
const BEGINNING = ["<|python_tag|>", "{", '"name"', ":"];

/** How much of the beginning's parts, the tag being optional, an answer has: all, a part, or something else. */
function beginsCall(answer: string): "yes" | "perhaps" | "no" {
  let rest = answer.trimStart();
  for (const part of BEGINNING) {
    if (rest.startsWith(part)) rest = rest.slice(part.length).trimStart();
    else if (part.startsWith(rest)) return "perhaps";
    else if (part !== BEGINNING[0]) return "no";
  }
  return "yes";
}

/** Llama 3.1 to 3.3: the answer is one JSON object, with `parameters`. */
export const llama3: ToolFormat = {
  name: "llama3",
  fits: (template) => template.includes("ipython") && template.includes('"parameters"'),
  markers: [],
  callId: (id) => id,
  look: (text, isBeginning) => {
    const begins = isBeginning ? beginsCall(text) : "no";
    return { contentUpTo: begins === "no" ? text.length : 0, callsFrom: begins === "yes" ? text.indexOf("{") : null };
  },
  grammar: ({ calls }) => `root ::= call\n${jsonCallRules(calls, "parameters")}`,
  parse: (calls) => {
    const call = readCall(readJson(calls), ["parameters", "arguments"]);
    return call === null ? null : [call];
  },
};
