import { createHash } from "node:crypto";
import { literal } from "../json-schema/grammar-rules.ts";
import { jsonCallRules, list } from "./call-rules.ts";
import { lookFor } from "./marker.ts";
import { allCalls, readCall, readJson, readSequence } from "./read-calls.ts";
import type { ToolFormat } from "./tool-format.ts";

const [CALLS, ARGUMENTS] = ["[TOOL_CALLS]", "[ARGS]"];
/** Mistral's templates take ids of nine letters and digits, and refuse others. */
const ID_LENGTH = 9;

const callId = (id: string) => createHash("sha256").update(id).digest("hex").slice(0, ID_LENGTH);

/** Mistral 7B 0.3, Nemo, Large 2: a marker, then a JSON array of calls. */
export const mistral: ToolFormat = {
  name: "mistral",
  fits: (template) => template.includes(CALLS) && !template.includes(ARGUMENTS),
  markers: [CALLS],
  callId,
  look: lookFor(CALLS),
  grammar: ({ calls, isParallel }) =>
    [
      `root ::= "${CALLS}" sp "[" sp ${list("call", '"," sp', isParallel)} sp "]"`,
      jsonCallRules(calls, "arguments", `("," sp ${literal('"id"')} sp ":" sp "\\"" [a-zA-Z0-9]{${ID_LENGTH}} "\\"" sp)?`),
    ].join("\n"),
  parse: (calls) => {
    const written = readJson(calls.slice(CALLS.length));
    return Array.isArray(written) ? allCalls(written.map((call) => readCall(call, ["arguments"]))) : null;
  },
};

const AROUND = { head: /^\s*\[TOOL_CALLS\]([\w-]+)\[ARGS\]\s*/, tail: /^\s*$/ };

/** Magistral, Devstral and later ones: for each call a marker, the function's name, and its arguments. */
export const mistralNamed: ToolFormat = {
  name: "mistral-named",
  fits: (template) => template.includes(CALLS) && template.includes(ARGUMENTS),
  markers: [CALLS, ARGUMENTS],
  callId,
  look: lookFor(CALLS),
  grammar: ({ calls, isParallel }) => {
    const rules = calls.map(
      ({ name, argumentsRule }, index) => `call-${index} ::= "${CALLS}${name}${ARGUMENTS}" ${argumentsRule}`,
    );
    const any = `call ::= ${calls.map((_, index) => `call-${index}`).join(" | ")}`;
    return [`root ::= ${list("call", "", isParallel)}`, any, ...rules].join("\n");
  },
  parse: (calls) => readSequence(calls, AROUND, (written, name) => readCall({ name, arguments: written }, ["arguments"])),
};
