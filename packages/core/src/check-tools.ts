import { AppError } from "./errors.ts";
import type { Message } from "./job-request.ts";
import { alternatives } from "./json-schema/alternatives.ts";
import { SchemaBudget } from "./json-schema/budget.ts";
import type { Shape } from "./json-schema/shape.ts";
import { readJsonSchema } from "./json-schema.ts";
import type { Params } from "./params.ts";
import type { Tool, ToolCall } from "./tools.ts";

function refuse(message: string, param: string): never {
  throw new AppError("invalid_request", message, { param });
}

/** What the tools of one request have had so far. */
interface Seen {
  names: Set<string>;
  budget: SchemaBudget;
}

function checkTool({ function: { name, parameters } }: Tool, at: string, { names, budget }: Seen): void {
  if (names.has(name)) refuse(`Two tools have the name ${name}; give each its own.`, `${at}.name`);
  names.add(name);
  if (parameters === undefined) return;
  const { root, definitions } = readJsonSchema(parameters, `${at}.parameters`, budget);
  const isObject = (shape: Shape) => (shape.kind === "reference" ? definitions.get(shape.to) : shape)?.kind === "object";
  if (!alternatives(root, definitions).every(isObject))
    refuse(`${at}.parameters must be of type object.`, `${at}.parameters.type`);
}

/** What says something about tools is out of place where there are none. */
function checkNoTools({ tool_choice, parallel_tool_calls }: Params): void {
  if (tool_choice !== undefined) refuse("params.tool_choice needs params.tools; give both or neither.", "params.tool_choice");
  if (parallel_tool_calls !== undefined)
    refuse("params.parallel_tool_calls needs params.tools; give both or neither.", "params.parallel_tool_calls");
}

/**
 * Checks the tools of a chat, one against another and against the other params.
 * @throws AppError `invalid_request`, `unsupported_schema`
 */
export function checkTools(params: Params): void {
  const { tools, tool_choice, grammar, response_format, ignore_eos } = params;
  if (tools === undefined) {
    checkNoTools(params);
    return;
  }
  const names = new Set<string>();
  const seen: Seen = { names, budget: new SchemaBudget() };
  for (const [index, tool] of tools.entries()) checkTool(tool, `params.tools.${index}.function`, seen);
  if (typeof tool_choice === "object" && !names.has(tool_choice.function.name)) {
    const text = `params.tool_choice names ${tool_choice.function.name}, which is not among params.tools: ${[...names].join(", ")}.`;
    refuse(text, "params.tool_choice.function.name");
  }
  if (grammar !== undefined) refuse("Give params.tools or params.grammar, not both.", "params.grammar");
  if (response_format !== undefined && response_format.type !== "text")
    refuse("Give params.tools or a JSON params.response_format, not both.", "params.response_format");
  if (ignore_eos)
    refuse("params.ignore_eos cannot be combined with params.tools: calls end by the end token.", "params.ignore_eos");
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function checkCall(call: ToolCall, at: string): void {
  if (!isJsonObject(call.function.arguments))
    refuse("The arguments of a tool call must be a JSON object, as text.", `${at}.function.arguments`);
}

/**
 * Checks that results of tools stand where calls were made, and that the model has something to answer.
 * @throws AppError `invalid_request`
 */
export function checkToolMessages(messages: readonly Message[], params: Params): void {
  const called = new Set<string>();
  for (const [index, message] of messages.entries()) {
    const at = `messages.${index}`;
    if (message.role === "assistant")
      for (const [position, call] of (message.tool_calls ?? []).entries()) {
        checkCall(call, `${at}.tool_calls.${position}`);
        called.add(call.id);
      }
    if (message.role === "tool" && !called.has(message.tool_call_id)) {
      const text = `No assistant message before this one has a tool call of the id ${message.tool_call_id}.`;
      refuse(text, `${at}.tool_call_id`);
    }
  }
  const usesTools = called.size > 0 || params.tools !== undefined;
  if (usesTools && messages.at(-1)?.role === "assistant")
    refuse(
      "A chat with tools ends with a user's or a tool's message, which the model answers.",
      `messages.${messages.length - 1}`,
    );
}
