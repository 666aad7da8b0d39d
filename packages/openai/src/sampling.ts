import { type Params, paramsSchema } from "@llamero/core";
import { z } from "zod";
import { onlyOff } from "./habits.ts";

/** OpenAI's, where a call names none. */
const TEMPERATURE = 1;
const SEEDS = 2 ** 32;
/** Answers of one call at most, which are as many jobs. */
const MOST_CHOICES = 16;

type Nullish<Shape extends z.ZodRawShape> = { [Name in keyof Shape]: z.ZodOptional<z.ZodNullable<Shape[Name]>> };
const nullish = <Shape extends z.ZodRawShape>(shape: Shape): Nullish<Shape> =>
  Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => [name, (schema as z.ZodType).nullish()]),
  ) as unknown as Nullish<Shape>;

const {
  seed: _seed,
  response_format: _format,
  tools: _tools,
  tool_choice: _choice,
  parallel_tool_calls: _parallel,
  ...common
} = paramsSchema.shape;

/** How tokens are chosen: OpenAI's names, and llama.cpp's for what OpenAI does not have. null is as good as absent. */
export const sampling = {
  ...nullish(common),
  seed: z.int().nullish().meta({ description: "Of a 64-bit one, the lower 32 bits count." }),
  n: z
    .int()
    .min(1)
    .max(MOST_CHOICES)
    .nullish()
    .meta({ description: `Answers, each a job of its own; ${MOST_CHOICES} at most.` }),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({
      include_usage: z.boolean().nullish(),
      include_obfuscation: z.boolean().nullish().meta({ description: "Taken and without effect." }),
    })
    .nullish(),
};
export const noLogprobs = onlyOff(false);

/** The job's params of a call, without what is null. `part`: which of its answers they are for, from 0. */
export function paramsOf(body: Record<string, unknown>, part: number): Params {
  const params: Record<string, unknown> = { temperature: TEMPERATURE };
  for (const name of Object.keys(paramsSchema.shape)) {
    const value = body[name];
    if (value !== undefined && value !== null) params[name] = value;
  }
  if (typeof params["seed"] === "number") params["seed"] = (((params["seed"] + part) % SEEDS) + SEEDS) % SEEDS;
  return params as Params;
}
