import type { Job } from "@llamero/core";
import { z } from "zod";

const MESSAGE = "msg_";
const JOB = "job_";

/** A message is a job by another name. */
export const messageId = (jobId: string): string => MESSAGE + jobId.slice(JOB.length);

export const usageSchema = z.object({
  input_tokens: z.int().meta({ description: "Those of the prompt that were read anew." }),
  output_tokens: z.int(),
  cache_creation_input_tokens: z.int(),
  cache_read_input_tokens: z.int(),
});

const stopReasons = ["end_turn", "max_tokens", "tool_use"] as const;
export type StopReason = (typeof stopReasons)[number];

const contentSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: z.string(), citations: z.null() }),
  z.object({ type: z.literal("tool_use"), id: z.string(), name: z.string(), input: z.record(z.string(), z.unknown()) }),
]);
export type ContentBlock = z.infer<typeof contentSchema>;

/** A message as Anthropic's clients know it. */
export const messageSchema = z
  .object({
    id: z.string().meta({ example: "msg_01kaeq4y3c00d5t6v8m2r4q7zn" }),
    type: z.literal("message"),
    role: z.literal("assistant"),
    model: z.string(),
    content: z.array(contentSchema),
    stop_reason: z.enum(stopReasons).nullable().meta({
      description: "A stop sequence counts as `end_turn`: which of them it was is not told.",
    }),
    stop_sequence: z.null(),
    usage: usageSchema,
  })
  .meta({ id: "AnthropicMessage" });
export type MessageView = z.infer<typeof messageSchema>;

export function usageOf({ usage }: Pick<Job, "usage">): z.infer<typeof usageSchema> {
  const { prompt_tokens, cached_tokens, completion_tokens } = usage ?? {
    prompt_tokens: 0,
    cached_tokens: 0,
    completion_tokens: 0,
  };
  return {
    input_tokens: prompt_tokens - cached_tokens,
    output_tokens: completion_tokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached_tokens,
  };
}

export function stopReasonOf({ output }: Pick<Job, "output">): StopReason {
  const reason = output !== null && "finish_reason" in output ? output.finish_reason : "stop";
  if (reason === "length") return "max_tokens";
  return reason === "tool_calls" ? "tool_use" : "end_turn";
}

/** The calls that a job asks for. */
export function toolUses({ output }: Pick<Job, "output">): Extract<ContentBlock, { type: "tool_use" }>[] {
  const calls = (output !== null && "message" in output ? output.message.tool_calls : null) ?? [];
  return calls.map(({ id, function: { name, arguments: text } }) => ({
    type: "tool_use",
    id,
    name,
    input: JSON.parse(text) as Record<string, unknown>,
  }));
}

const textOf = ({ output }: Pick<Job, "output">): string => (output !== null && "text" in output ? output.text : "");

/** @param job has succeeded */
export function messageView(job: Job): MessageView {
  const text = textOf(job);
  const uses = toolUses(job);
  const content: ContentBlock[] = [...(text === "" ? [] : [{ type: "text" as const, text, citations: null }]), ...uses];
  return {
    id: messageId(job.id),
    type: "message",
    role: "assistant",
    model: job.model,
    content,
    stop_reason: stopReasonOf(job),
    stop_sequence: null,
    usage: usageOf(job),
  };
}
