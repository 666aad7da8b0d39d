import { AppError } from "@llamero/core";
import { z } from "zod";
import { commonOf, habits, modelName } from "../../openai/habits.ts";
import { runJobs } from "../../openai/run-jobs.ts";
import { route, type Services } from "../../route.ts";

const text = z.string().min(1, "is empty");
const MOST_INPUTS = 2_048;

const embeddingsSchema = z
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

const answerSchema = z
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

const toBase64 = (vector: readonly number[]) => Buffer.from(new Float32Array(vector).buffer).toString("base64");

export const createEmbeddings = route({
  method: "post",
  path: "/v1/embeddings",
  operationId: "createEmbeddings",
  summary: "Embed texts, in OpenAI's form",
  description: "A durable job that is waited for. A client that goes away cancels it, unless it sends `x-llamero-keep: true`.",
  tag: "openai",
  scope: "submit",
  request: { body: embeddingsSchema },
  responses: { 200: { description: "A vector per text.", schema: answerSchema } },
  errors: [404, 408, 409, 429],
  handle: async (call, services) => {
    const { model, input, encoding_format, dimensions } = call.body;
    if (dimensions) await requireDimensions(services, model ?? undefined, dimensions);
    const { jobs, headers } = await runJobs(call, services, [{ type: "embedding", ...commonOf(call.body), input }]);
    const [job] = jobs;
    const vectors = job?.output !== null && job?.output !== undefined && "embeddings" in job.output ? job.output.embeddings : [];
    const data = vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: encoding_format === "base64" ? toBase64(vector) : vector,
    }));
    const prompt_tokens = job?.usage?.prompt_tokens ?? 0;
    const usage = { prompt_tokens, total_tokens: prompt_tokens };
    return { status: 200, body: { object: "list", data, model: job?.model ?? "", usage }, headers };
  },
});

/** @throws AppError `invalid_request` for other dimensions than the model has */
async function requireDimensions({ models }: Services, name: string | undefined, dimensions: number): Promise<void> {
  const model = await models.find(name);
  if (dimensions === model.embedding_length) return;
  const text = `${model.name} gives ${model.embedding_length} dimensions; leave dimensions out.`;
  throw new AppError("invalid_request", text, { param: "dimensions" });
}
