import type { Job, SubmitBody } from "@llamero/core";
import { z } from "zod";
import { commonOf, habits, modelName } from "./habits.ts";

const text = z.string().min(1, "is empty");
const MOST_DOCUMENTS = 2_048;

/** The body of `POST /v1/rerank`, in the form that Cohere and Jina share. */
export const rerankSchema = z
  .strictObject({
    model: modelName,
    query: text,
    documents: z
      .array(z.union([text, z.strictObject({ text })]))
      .min(1, "is empty")
      .max(MOST_DOCUMENTS),
    top_n: z.int().min(1).nullish().meta({ description: "Most results. Default: one for each document." }),
    return_documents: z.boolean().nullish().meta({ description: "Whether a result has its document. Default: false." }),
    ...habits,
  })
  .meta({ id: "CreateRerank" });
export type RerankBody = z.infer<typeof rerankSchema>;

export const rerankAnswerSchema = z
  .object({
    id: z.string(),
    object: z.literal("list"),
    model: z.string(),
    results: z.array(
      z.object({ index: z.int(), relevance_score: z.number(), document: z.object({ text: z.string() }).optional() }),
    ),
    usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
  })
  .meta({ id: "Rerank" });

const textsOf = ({ documents }: RerankBody) =>
  documents.map((document) => (typeof document === "string" ? document : document.text));

export function rerankJob(body: RerankBody): SubmitBody {
  const { query, top_n } = body;
  return { type: "rerank", ...commonOf(body), query, documents: textsOf(body), ...(top_n ? { top_n } : {}) };
}

/** @param job has succeeded */
export function rerank({ id, output, model, usage }: Job, body: RerankBody): z.infer<typeof rerankAnswerSchema> {
  const texts = textsOf(body);
  const ranked = output !== null && "results" in output ? output.results : [];
  const results = ranked.map((result) => ({
    ...result,
    ...(body.return_documents ? { document: { text: texts[result.index] ?? "" } } : {}),
  }));
  const prompt_tokens = usage?.prompt_tokens ?? 0;
  return { id, object: "list", model, results, usage: { prompt_tokens, total_tokens: prompt_tokens } };
}
