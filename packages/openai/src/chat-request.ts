import { type Message, paramsSchema, type SubmitBody, toolCallSchema } from "@llamero/core";
import { z } from "zod";
import { commonOf, habits, modelName, onlyOff, sessionOf, unsupported } from "./habits.ts";
import { noLogprobs, paramsOf, sampling } from "./sampling.ts";

const textPart = z.strictObject({ type: z.literal("text", { error: "only text is supported" }), text: z.string() });
/** A text, or parts of one; the parts of a message are joined. */
const content = z.union([z.string(), z.array(textPart).min(1, "is empty")]);

const messageSchema = z.discriminatedUnion("role", [
  z.strictObject({ role: z.enum(["system", "developer", "user"]), content, name: unsupported() }),
  z.strictObject({
    role: z.literal("assistant"),
    content: content.nullish(),
    tool_calls: z.array(toolCallSchema).max(128).nullish(),
    name: unsupported(),
    // What an answer has, which clients send back as it came.
    refusal: z.string().nullish(),
    annotations: z.array(z.unknown()).nullish(),
    audio: unsupported(),
    function_call: unsupported(),
  }),
  z.strictObject({ role: z.literal("tool"), content, tool_call_id: z.string() }),
]);

const { response_format, tools, tool_choice, parallel_tool_calls } = paramsSchema.shape;

/** The body of `POST /v1/chat/completions`. */
export const chatCompletionSchema = z
  .strictObject({
    model: modelName,
    messages: z.array(messageSchema).min(1, "is empty").max(1024),
    ...sampling,
    max_completion_tokens: z.int().min(1).max(1_000_000).nullish().meta({ description: "Goes before `max_tokens`." }),
    response_format: response_format.nullish(),
    tools: tools.nullish(),
    tool_choice: tool_choice.nullish(),
    parallel_tool_calls: parallel_tool_calls.nullish(),
    ...habits,
    logprobs: noLogprobs,
    top_logprobs: onlyOff(0),
    modalities: z.tuple([z.literal("text", { error: "only text is supported" })]).nullish(),
    reasoning_effort: onlyOff("none"),
    verbosity: onlyOff("medium"),
    audio: unsupported(),
    prediction: unsupported(),
    web_search_options: unsupported(),
    functions: unsupported(),
    function_call: onlyOff("none"),
  })
  .meta({ id: "CreateChatCompletion" });
export type ChatCompletionBody = z.infer<typeof chatCompletionSchema>;

const textOf = (parts: z.infer<typeof content>): string =>
  typeof parts === "string" ? parts : parts.map(({ text }) => text).join("");

function toMessage(message: ChatCompletionBody["messages"][number]): Message {
  switch (message.role) {
    case "system":
    case "developer":
      return { role: "system", content: textOf(message.content) };
    case "user":
      return { role: "user", content: textOf(message.content) };
    case "tool":
      return { role: "tool", content: textOf(message.content), tool_call_id: message.tool_call_id };
    case "assistant": {
      const text = message.content === null || message.content === undefined ? null : textOf(message.content);
      return { role: "assistant", content: text, ...(message.tool_calls?.length ? { tool_calls: message.tool_calls } : {}) };
    }
  }
}

/** The jobs of a call: one for each answer that it asks for. */
export function chatJobs(body: ChatCompletionBody): SubmitBody[] {
  const { messages, max_tokens, max_completion_tokens, n } = body;
  const limit = max_completion_tokens ?? max_tokens;
  return Array.from({ length: n ?? 1 }, (_, part) => ({
    type: "chat" as const,
    ...commonOf(body),
    ...sessionOf(body),
    messages: messages.map(toMessage),
    params: paramsOf({ ...body, max_tokens: limit }, part),
  }));
}
