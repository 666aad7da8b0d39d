import { z } from "zod";
import { jobIdSchema } from "./ids.ts";
import { jobTypes } from "./job-request.ts";
import { jobStatuses } from "./job-state.ts";
import { paramsSchema } from "./params.ts";
import { prioritySchema } from "./priority.ts";
import { metadataSchema, sessionIdSchema, supersedeKeySchema } from "./submit.ts";
import { toolCallSchema } from "./tools.ts";
import { jobWebhookViewSchema } from "./webhook.ts";

/** How a generation ends. */
export const finishReasons = ["stop", "length", "tool_calls", "cancelled", "deadline"] as const;
export type FinishReason = (typeof finishReasons)[number];
/** Of an output: how its generation ended, or that the job failed and this is what it had made by then. */
export const outputFinishReasons = [...finishReasons, "error"] as const;
export type OutputFinishReason = (typeof outputFinishReasons)[number];
const outputFinishReasonSchema = z.enum(outputFinishReasons).meta({
  description:
    "stop: the model ended or a stop text came; length: max_tokens or the context is reached; tool_calls: it asks for calls; " +
    "cancelled, deadline, error: the job ended as its status says, and this is what had been made by then.",
});

export const rerankResultSchema = z
  .object({
    index: z.int().nonnegative().meta({ description: "Of the document in the request, from 0." }),
    relevance_score: z.number().min(0).max(1).meta({
      description: "The output of the model's ranking head through a sigmoid, or as it is where the head ends with a softmax.",
    }),
  })
  .meta({ id: "RerankResult" });
export type RerankResult = z.infer<typeof rerankResultSchema>;

export const outputSchema = z
  .union([
    z.object({
      message: z.object({
        role: z.literal("assistant"),
        content: z.string().nullable().meta({ description: "null where there are only tool_calls." }),
        tool_calls: z.array(toolCallSchema).optional(),
      }),
      text: z.string(),
      finish_reason: outputFinishReasonSchema,
    }),
    z.object({ text: z.string(), finish_reason: outputFinishReasonSchema }),
    z.object({ embeddings: z.array(z.array(z.number())).meta({ description: "One vector of length 1 per input." }) }),
    z.object({ results: z.array(rerankResultSchema).meta({ description: "The highest scores first, equal ones by index." }) }),
  ])
  .meta({ id: "Output" });
export type Output = z.infer<typeof outputSchema>;

/** What a worker has of an output before it is stored: the parts that the type of its job gives. */
export const outputPartsSchema = z.strictObject({
  text: z.string().exactOptional(),
  finish_reason: z.enum(finishReasons).exactOptional(),
  tool_calls: z.array(toolCallSchema).exactOptional(),
  embeddings: z.array(z.array(z.number())).exactOptional(),
  results: z.array(rerankResultSchema).exactOptional(),
});
export type OutputParts = z.infer<typeof outputPartsSchema>;

export const usageSchema = z
  .object({
    prompt_tokens: z.int().nonnegative(),
    cached_tokens: z.int().nonnegative().meta({ description: "Prompt tokens that were not computed again." }),
    completion_tokens: z.int().nonnegative(),
    total_tokens: z.int().nonnegative(),
  })
  .meta({ id: "Usage" });
export type Usage = z.infer<typeof usageSchema>;

const milliseconds = z.number().nonnegative().nullable();
export const timingsSchema = z
  .object({
    queue_ms: milliseconds.meta({
      description: "From when the job could first run until its latest attempt had a slot, earlier attempts included.",
    }),
    prefill_ms: milliseconds.meta({
      description: "From then to that attempt's first token: the prompt, and what earlier attempts had emitted.",
    }),
    first_token_ms: milliseconds.meta({
      description:
        "From when the job could first run to its first token: queue_ms and prefill_ms, or, of a job that was resumed, " +
        "when its first attempt stored the token, which may be 0.25 s after it was made.",
    }),
    generate_ms: milliseconds.meta({ description: "From the latest attempt's first token to the last." }),
  })
  .meta({ id: "Timings" });
export type Timings = z.infer<typeof timingsSchema>;

const time = z.iso.datetime();

/** A job as callers see it: the answer of every native route. */
export const jobSchema = z
  .object({
    id: jobIdSchema,
    object: z.literal("job"),
    type: z.enum(jobTypes),
    model: z.string(),
    status: z.enum(jobStatuses),
    priority: prioritySchema,
    position: z.int().positive().nullable().meta({
      description: "1 is next; null when the job stands in no line: it does not wait, or waits for one that asks for the same.",
    }),
    eta_seconds: z
      .number()
      .nonnegative()
      .nullable()
      .meta({
        description:
          "Seconds until it is expected to start, from what its queue's workers have done of late; null when that is not known. " +
          "Jobs that come later with a higher priority, or of callers who have had less, go before it.",
      }),
    created_at: time,
    run_at: time.nullable(),
    deadline_at: time.nullable(),
    started_at: time.nullable(),
    finished_at: time.nullable(),
    attempts: z.int().nonnegative().meta({ description: "How often it was started, for whatever reason." }),
    cached: z.boolean().meta({
      description:
        "It was not computed: its answer is that of a job of the same owner that asked for the same. `usage` is what that one has " +
        "cost, with all prompt tokens as cached_tokens; `timings` is null.",
    }),
    resumed_from: z.int().positive().nullable().meta({
      description: "How many tokens were there already when its latest attempt started; null when it started with none.",
    }),
    progress: z.object({ completion_tokens: z.int().nonnegative() }),
    params: paramsSchema.nullable(),
    output: outputSchema.nullable(),
    usage: usageSchema.nullable(),
    timings: timingsSchema.nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    metadata: metadataSchema,
    retry_of: jobIdSchema.nullable(),
    retried_by: jobIdSchema.nullable().meta({ description: "The newest job that runs this one again." }),
    supersede_key: supersedeKeySchema.nullable(),
    superseded_by: jobIdSchema.nullable().meta({
      description: "The newer job that has taken its place: it was cancelled for it, unless it had ended first.",
    }),
    session_id: sessionIdSchema.nullable(),
    batch_id: z
      .string()
      .nullable()
      .meta({ description: "The batch that it is a line of: the job is removed when its line is written." }),
    routing: z
      .object({
        alias: z.string().meta({ description: "What the job has asked for; `model` is what it stands for." }),
        degraded: z.boolean().meta({ description: "It runs on the model for bad times." }),
        tried: z.array(z.object({ model: z.string(), code: z.string() })).meta({
          description:
            "Models that had it before, in their order, and why they have it no more: an error, `timeout` or `breaker_open`.",
        }),
      })
      .nullable()
      .meta({ description: "The way that it has taken; null where it has named its model itself." }),
    webhook: jobWebhookViewSchema.nullable(),
  })
  .meta({ id: "Job" });
export type Job = z.infer<typeof jobSchema>;
