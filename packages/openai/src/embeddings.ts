import { AppError, type Job, type ModelEntry, type SubmitBody } from "@llamero/core";
import { z } from "zod";
import { commonOf, habits, modelName } from "./habits.ts";

const text = z.string().min(1, "is empty");
const MOST_INPUTS = 2_048;

/** The body of `POST /v1/embeddings`. */
export const embeddingsSchema = z
  .strictObject({
    model: modelName,
    input: z.union([text, z.array(text).min(1, "is empty").max(MOST_INPUTS)]).meta({
      description: "A text or several. Token ids are not supported.",
    }),
    encoding_format: z.enum(["float", "base64"]).nullish(),
    dimensions: z.int().min(1).nullish().meta({ description: "Taken where it is what the model gives." }),
    ...habits,
  })
  .meta({ id: "CreateEmbeddings" });
export type EmbeddingsBody = z.infer<typeof embeddingsSchema>;

export const embeddingsAnswerSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(
      z.object({
        object: z.literal("embedding"),
        index: z.int(),
        embedding: z.union([z.array(z.number()), z.string()]).meta({
          description: "A vector of length 1; with `base64`, its little-endian 32-bit floats.",
        }),
      }),
    ),
    model: z.string(),
    usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
  })
  .meta({ id: "Embeddings" });

export function embeddingsJob(body: EmbeddingsBody): SubmitBody {
  return { type: "embedding", ...commonOf(body), input: body.input };
}

/** @throws AppError `invalid_request` for other dimensions than the model has */
export function checkDimensions({ dimensions }: EmbeddingsBody, model: ModelEntry): void {
  if (!dimensions || dimensions === model.embedding_length) return;
  const given =
    model.embedding_length === null ? "as many dimensions as its server says" : `${model.embedding_length} dimensions`;
  const message = `${model.name} gives ${given}; leave dimensions out.`;
  throw new AppError("invalid_request", message, { param: "dimensions" });
}

const toBase64 = (vector: readonly number[]) => Buffer.from(new Float32Array(vector).buffer).toString("base64");

/** @param job has succeeded */
export function embeddings(
  { output, model, usage }: Job,
  { encoding_format }: EmbeddingsBody,
): z.infer<typeof embeddingsAnswerSchema> {
  const vectors = output !== null && "embeddings" in output ? output.embeddings : [];
  const data = vectors.map((vector, index) => ({
    object: "embedding" as const,
    index,
    embedding: encoding_format === "base64" ? toBase64(vector) : vector,
  }));
  const prompt_tokens = usage?.prompt_tokens ?? 0;
  return { object: "list", data, model, usage: { prompt_tokens, total_tokens: prompt_tokens } };
}
