import { z } from "zod";
import { ownRecord } from "./own-record.ts";
import { toolChoiceSchema, toolSchema } from "./tools.ts";

const text = z.string();

/** How the output is constrained; `json_schema` becomes a grammar, so the answer always parses and always conforms. */
export const responseFormatSchema = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("text") }),
    z.strictObject({ type: z.literal("json_object") }),
    z.strictObject({
      type: z.literal("json_schema"),
      json_schema: z.strictObject({
        name: z.string().min(1).max(64).optional(),
        description: z.string().max(1024).optional(),
        strict: z.boolean().nullable().optional().meta({ description: "Taken and without effect: answers always conform." }),
        schema: ownRecord(z.record(z.string(), z.unknown())).meta({
          description: "JSON Schema. Properties that required does not name may be left out; what cannot be enforced is refused.",
        }),
      }),
    }),
  ])
  .meta({ id: "ResponseFormat" });

const penalty = z.number().min(-2).max(2);

/**
 * Sampling parameters: OpenAI's names where they exist, llama.cpp's otherwise.
 * What is absent is off; `temperature` 0 (greedy) is the default, so that a job gives the same answer when it is run again.
 */
export const paramsSchema = z
  .strictObject({
    max_tokens: z.int().min(1).max(1_000_000).optional().meta({
      description: "Most tokens to generate. Default: what the model's context leaves after the prompt.",
    }),
    temperature: z.number().min(0).max(5).optional().meta({ description: "0 (the default) is greedy." }),
    top_p: z.number().gt(0).max(1).optional().meta({ description: "Default 0.95; without effect at temperature 0." }),
    top_k: z.int().min(0).max(1_000_000).optional().meta({ description: "Default 40; 0 is off." }),
    min_p: z.number().min(0).max(1).optional().meta({ description: "Default 0 (off)." }),
    seed: z
      .int()
      .min(0)
      .max(4_294_967_295)
      .optional()
      .meta({ description: "Drawn at random when absent, and returned with the job." }),
    stop: z
      .union([text.min(1).max(256), z.array(text.min(1).max(256)).min(1).max(16)])
      .optional()
      .meta({ description: "Ends the output before the first of these texts; it is not part of the output." }),
    presence_penalty: penalty.optional(),
    frequency_penalty: penalty.optional(),
    repeat_penalty: z.number().gt(0).max(10).optional().meta({ description: "1 (the default) is off." }),
    repeat_last_n: z
      .int()
      .min(0)
      .max(8192)
      .optional()
      .meta({ description: "How many last tokens the penalties look at. Default 64." }),
    dry_multiplier: z.number().min(0).max(10).optional().meta({ description: "0 (the default) turns DRY off." }),
    dry_base: z.number().min(1).max(10).optional(),
    dry_allowed_length: z.int().min(0).max(8192).optional(),
    dry_penalty_last_n: z.int().min(-1).max(1_000_000).optional().meta({ description: "-1: the whole context." }),
    dry_sequence_breakers: z.array(text.min(1).max(64)).max(32).optional(),
    xtc_probability: z.number().min(0).max(1).optional().meta({ description: "0 (the default) turns XTC off." }),
    xtc_threshold: z.number().min(0).max(1).optional(),
    logit_bias: ownRecord(
      z
        .record(z.string().regex(/^(0|[1-9]\d{0,7})$/, "must be a token id"), z.number().min(-100).max(100))
        .refine((bias) => Object.keys(bias).length <= 1024, "has more than 1024 entries"),
    )
      .optional()
      .meta({ description: "Token id → added to its logit; -100 bans it." }),
    ignore_eos: z.boolean().optional().meta({ description: "Goes on to max_tokens; for load tests." }),
    response_format: responseFormatSchema.optional(),
    grammar: z.string().min(1).max(65_536).optional().meta({
      description: "A GBNF grammar, whose rule root the output is made by; not together with a JSON response_format.",
    }),
    tools: z.array(toolSchema).min(1, "is empty").max(128).optional().meta({
      description: "What the model may ask to be run; for chats, not together with grammar or a JSON response_format.",
    }),
    tool_choice: toolChoiceSchema.optional(),
    parallel_tool_calls: z.boolean().optional().meta({ description: "Whether one answer may hold several calls. Default true." }),
  })
  .meta({ id: "Params" });

export type Params = z.infer<typeof paramsSchema>;
export type ResponseFormat = z.infer<typeof responseFormatSchema>;
