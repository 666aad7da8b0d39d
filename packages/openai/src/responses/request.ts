import { type ResponseFormat, responseFormatSchema, type SubmitBody, type Tool, toolSchema } from "@llamero/core";
import { z } from "zod";
import { commonOf, habits, modelName, onlyOff, sessionOf, unsupported } from "../habits.ts";
import { paramsOf } from "../sampling.ts";
import { type InputItem, inputItemSchema, toMessages } from "./items.ts";

const definition = toolSchema.shape.function.shape;
const functionTool = z.strictObject({
  type: z.literal("function", { error: "only functions are supported" }),
  ...definition,
  parameters: definition.parameters.nullable(),
  description: definition.description.nullable(),
});

const jsonSchema = responseFormatSchema.options[2].shape.json_schema.shape;
const textFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({ type: z.literal("json_schema"), ...jsonSchema }),
]);

const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.strictObject({ type: z.literal("function"), name: definition.name }),
]);

/** The body of `POST /v1/responses`. */
export const createResponseSchema = z
  .strictObject({
    model: modelName,
    input: z.union([z.string().min(1, "is empty"), z.array(inputItemSchema).max(1024)]).optional(),
    instructions: z
      .string()
      .nullish()
      .meta({ description: "Stands before everything; not carried over to responses that follow." }),
    previous_response_id: z.string().nullish().meta({ description: "A response that has ended, whose conversation goes on." }),
    background: z.boolean().nullish().meta({ description: "Answered at once; to be polled, or told of by webhook." }),
    stream: z.boolean().nullish(),
    stream_options: z.strictObject({ include_obfuscation: z.boolean().nullish() }).nullish(),
    max_output_tokens: z.int().min(1).max(1_000_000).nullish(),
    temperature: z.number().min(0).max(2).nullish().meta({ description: "Default 1." }),
    top_p: z.number().gt(0).max(1).nullish(),
    tools: z.array(functionTool).max(128).nullish(),
    tool_choice: toolChoice.nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    text: z.strictObject({ format: textFormat.nullish(), verbosity: onlyOff("medium") }).nullish(),
    ...habits,
    include: z.array(z.literal("reasoning.encrypted_content", { error: "is not supported" })).nullish(),
    reasoning: z.strictObject({ effort: onlyOff("none"), summary: unsupported(), generate_summary: unsupported() }).nullish(),
    truncation: onlyOff("disabled"),
    top_logprobs: onlyOff(0),
    max_tool_calls: unsupported(),
    conversation: unsupported(),
    prompt: unsupported(),
    context_management: unsupported(),
    moderation: unsupported(),
  })
  .meta({ id: "CreateResponse" });
export type ResponseBody = z.infer<typeof createResponseSchema>;

/** What a response shows of its request besides what its job has; kept with the job. */
export const responseDoorSchema = z.object({
  v: z.literal(1),
  kind: z.literal("response"),
  /** So many messages of the job stand before the conversation. */
  lead: z.int(),
  input: z.array(inputItemSchema),
  shown: z.object({
    instructions: z.string().nullable(),
    previous_response_id: z.string().nullable(),
    background: z.boolean(),
    max_output_tokens: z.int().nullable(),
    temperature: z.number(),
    top_p: z.number(),
    tools: z.array(functionTool),
    tool_choice: toolChoice,
    parallel_tool_calls: z.boolean(),
    text: z.object({ format: textFormat }),
    truncation: z.literal("disabled"),
    store: z.boolean(),
    service_tier: z.string(),
    user: z.string().nullable(),
  }),
});
export type ResponseDoor = z.infer<typeof responseDoorSchema>;

export const itemsOf = ({ input = [] }: ResponseBody): InputItem[] =>
  typeof input === "string" ? [{ type: "message", role: "user", content: input }] : input;

export function doorOf(body: ResponseBody): ResponseDoor {
  const { instructions, tool_choice, text } = body;
  return {
    v: 1,
    kind: "response",
    lead: instructions ? 1 : 0,
    input: itemsOf(body),
    shown: {
      instructions: instructions ?? null,
      previous_response_id: body.previous_response_id ?? null,
      background: body.background ?? false,
      max_output_tokens: body.max_output_tokens ?? null,
      temperature: body.temperature ?? 1,
      top_p: body.top_p ?? 1,
      tools: body.tools ?? [],
      tool_choice: tool_choice ?? "auto",
      parallel_tool_calls: body.parallel_tool_calls ?? true,
      text: { format: text?.format ?? { type: "text" } },
      truncation: "disabled",
      store: body.store ?? true,
      service_tier: body.service_tier ?? "default",
      user: body.user ?? null,
    },
  };
}

function formatOf({ text }: ResponseBody): ResponseFormat | undefined {
  const format = text?.format;
  if (!format || format.type === "text") return undefined;
  if (format.type === "json_object") return format;
  const { type, ...json_schema } = format;
  return { type, json_schema };
}

function toolOf({ type, parameters, description, ...rest }: z.infer<typeof functionTool>): Tool {
  return { type, function: { ...rest, ...(parameters ? { parameters } : {}), ...(description ? { description } : {}) } };
}

/** The job of a response. @param before messages of the conversation that it goes on with */
export function responseJob(body: ResponseBody, before: NonNullable<SubmitBody["messages"]>): SubmitBody {
  const { instructions, tool_choice, tools } = body;
  const lead = instructions ? [{ role: "system" as const, content: instructions }] : [];
  const choice = typeof tool_choice === "object" && tool_choice !== null ? toChoice(tool_choice) : tool_choice;
  const params = {
    temperature: body.temperature,
    top_p: body.top_p,
    max_tokens: body.max_output_tokens,
    parallel_tool_calls: tools?.length ? body.parallel_tool_calls : undefined,
    tools: tools?.length ? tools.map(toolOf) : undefined,
    tool_choice: tools?.length ? choice : undefined,
    response_format: formatOf(body),
  };
  return {
    type: "chat",
    ...commonOf(body),
    ...sessionOf(body),
    messages: [...lead, ...before, ...toMessages(itemsOf(body))],
    params: paramsOf(params, 0),
  };
}

const toChoice = ({ type, name }: { type: "function"; name: string }) => ({ type, function: { name } });
