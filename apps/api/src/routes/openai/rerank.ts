import type { SubmitBody } from "@llamero/core";
import { z } from "zod";
import { commonOf, habits, modelName } from "../../openai/habits.ts";
import { runJobs } from "../../openai/run-jobs.ts";
import { route } from "../../route.ts";

const text = z.string().min(1, "is empty");
const MOST_DOCUMENTS = 2_048;

const rerankSchema = z
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

const answerSchema = z
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

export const createRerank = route({
  method: "post",
  path: "/v1/rerank",
  operationId: "createRerank",
  summary: "Rank documents by a query",
  description:
    "In the form that Cohere and Jina share. A durable job that is waited for; a client that goes away cancels it, unless it sends `x-llamero-keep: true`.",
  tag: "openai",
  scope: "submit",
  request: { body: rerankSchema },
  responses: { 200: { description: "The best first.", schema: answerSchema } },
  errors: [404, 408, 409, 429],
  handle: async (call, services) => {
    const { query, documents, top_n, return_documents } = call.body;
    const texts = documents.map((document) => (typeof document === "string" ? document : document.text));
    const body: SubmitBody = {
      type: "rerank",
      ...commonOf(call.body),
      query,
      documents: texts,
      ...(top_n ? { top_n } : {}),
    };
    const { jobs, headers } = await runJobs(call, services, [body]);
    const [job] = jobs;
    const ranked = job?.output !== null && job?.output !== undefined && "results" in job.output ? job.output.results : [];
    const results = ranked.map((result) => ({
      ...result,
      ...(return_documents ? { document: { text: texts[result.index] ?? "" } } : {}),
    }));
    const prompt_tokens = job?.usage?.prompt_tokens ?? 0;
    const usage = { prompt_tokens, total_tokens: prompt_tokens };
    return { status: 200, body: { id: job?.id ?? "", object: "list", model: job?.model ?? "", results, usage }, headers };
  },
});
