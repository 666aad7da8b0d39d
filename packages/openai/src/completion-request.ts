import type { SubmitBody } from "@llamero/core";
import { z } from "zod";
import { commonOf, habits, modelName, onlyOff, sessionOf } from "./habits.ts";
import { paramsOf, sampling } from "./sampling.ts";

/** OpenAI's, where a call names none. */
const MAX_TOKENS = 16;
const MOST_PROMPTS = 128;

const text = z.string().min(1, "is empty");

/** The body of `POST /v1/completions`. */
export const completionSchema = z
  .strictObject({
    model: modelName,
    prompt: z.union([text, z.array(text).min(1, "is empty").max(MOST_PROMPTS)]).meta({
      description: "Raw text, or several, each with `n` answers. Token ids are not supported.",
    }),
    ...sampling,
    ...habits,
    echo: onlyOff(false),
    suffix: onlyOff(""),
    best_of: onlyOff(1),
    logprobs: onlyOff(0),
  })
  .meta({ id: "CreateCompletion" });
export type CompletionBody = z.infer<typeof completionSchema>;

/** The jobs of a call: those of the first prompt first. */
export function completionJobs(body: CompletionBody): SubmitBody[] {
  const { prompt, n, max_tokens } = body;
  return [prompt].flat().flatMap((one) =>
    Array.from({ length: n ?? 1 }, (_, part) => ({
      type: "completion" as const,
      ...commonOf(body),
      ...sessionOf(body),
      prompt: one,
      params: paramsOf({ ...body, max_tokens: max_tokens ?? MAX_TOKENS }, part),
    })),
  );
}
