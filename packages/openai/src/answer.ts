import { finishReasons, type Job, toolCallSchema, type Usage } from "@llamero/core";
import { z } from "zod";

export const seconds = (time: string): number => Math.floor(Date.parse(time) / 1_000);

export const usageSchema = z
  .object({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.object({ cached_tokens: z.int() }),
    completion_tokens_details: z.object({ reasoning_tokens: z.int() }),
  })
  .meta({ id: "CompletionUsage" });

const NO_USAGE: Usage = { prompt_tokens: 0, cached_tokens: 0, completion_tokens: 0, total_tokens: 0 };

/** What jobs of one call have cost: a prompt that several answers share counts once, as OpenAI counts it. */
export function usageOf(jobs: readonly Job[], answersPerPrompt: number): z.infer<typeof usageSchema> {
  const usages = jobs.map(({ usage }) => usage ?? NO_USAGE);
  const firsts = usages.filter((_, index) => index % answersPerPrompt === 0);
  const sum = (of: readonly Usage[], name: keyof Usage) => of.reduce((total, usage) => total + usage[name], 0);
  const [prompt_tokens, completion_tokens] = [sum(firsts, "prompt_tokens"), sum(usages, "completion_tokens")];
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: sum(firsts, "cached_tokens") },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

const finishReason = z.enum(finishReasons).extract(["stop", "length", "tool_calls"]);

/** How an answer ended that has ended well. */
export function finishOf({ output }: Job): z.infer<typeof finishReason> {
  return finishReason.parse(output !== null && "finish_reason" in output ? output.finish_reason : "stop");
}

const textOf = ({ output }: Job): string => (output !== null && "text" in output ? output.text : "");
const messageOf = ({ output }: Job) => (output !== null && "message" in output ? output.message : null);
export const toolCallsOf = (job: Job) => messageOf(job)?.tool_calls ?? [];

const common = { id: z.string(), created: z.int(), model: z.string(), usage: usageSchema };
const noLogprobs = z.null();

export const chatCompletionAnswerSchema = z
  .object({
    ...common,
    object: z.literal("chat.completion"),
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({
          role: z.literal("assistant"),
          content: z.string().nullable(),
          refusal: z.null(),
          tool_calls: z.array(toolCallSchema).optional(),
        }),
        logprobs: noLogprobs,
        finish_reason: finishReason,
      }),
    ),
  })
  .meta({ id: "ChatCompletion" });

/** @param jobs all succeeded, at least one; the first one's id is the answer's */
export function chatCompletion(jobs: readonly Job[], first: Job): z.infer<typeof chatCompletionAnswerSchema> {
  return {
    id: first.id,
    object: "chat.completion",
    created: seconds(first.created_at),
    model: first.model,
    choices: jobs.map((job, index) => {
      const calls = toolCallsOf(job);
      const content = messageOf(job)?.content ?? null;
      const message = { role: "assistant" as const, content, refusal: null, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
      return { index, message, logprobs: null, finish_reason: finishOf(job) };
    }),
    usage: usageOf(jobs, jobs.length),
  };
}

export const completionAnswerSchema = z
  .object({
    ...common,
    object: z.literal("text_completion"),
    choices: z.array(z.object({ index: z.int(), text: z.string(), logprobs: noLogprobs, finish_reason: finishReason })),
  })
  .meta({ id: "Completion" });

/** @param jobs all succeeded, at least one; the first one's id is the answer's */
export function completion(jobs: readonly Job[], first: Job, answersPerPrompt: number): z.infer<typeof completionAnswerSchema> {
  const choices = jobs.map((job, index) => ({ index, text: textOf(job), logprobs: null, finish_reason: finishOf(job) }));
  const head = { id: first.id, object: "text_completion" as const, created: seconds(first.created_at), model: first.model };
  return { ...head, choices, usage: usageOf(jobs, answersPerPrompt) };
}
