import { AppError, type SubmitBody } from "@llamero/core";
import { z } from "zod";
import { habits, priorityOf } from "../../openai/habits.ts";
import { runJobs } from "../../openai/run-jobs.ts";
import { route } from "../../route.ts";

const text = z.string().min(1, "is empty");
const MOST_INPUTS = 2_048;

const embeddingsSchema = z
  .strictObject({
    model: z.string().min(1).max(256).nullish().meta({ description: "Default: the deployment's first model." }),
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
    const { model: name, input, encoding_format, dimensions, metadata, service_tier } = call.body;
    const model = await services.models.find(name ?? undefined);
    if (dimensions && dimensions !== model.embedding_length)
      throw new AppError("invalid_request", `${model.name} gives ${model.embedding_length} dimensions; leave dimensions out.`, {
        param: "dimensions",
      });
    const body: SubmitBody = {
      type: "embedding",
      model: model.name,
      input,
      priority: priorityOf(service_tier),
      ...(metadata ? { metadata } : {}),
    };
    const { jobs, headers } = await runJobs(call, services, [body]);
    const [job] = jobs;
    const vectors = job?.output !== null && job?.output !== undefined && "embeddings" in job.output ? job.output.embeddings : [];
    const data = vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: encoding_format === "base64" ? toBase64(vector) : vector,
    }));
    const prompt_tokens = job?.usage?.prompt_tokens ?? 0;
    return {
      status: 200,
      body: { object: "list", data, model: model.name, usage: { prompt_tokens, total_tokens: prompt_tokens } },
      headers,
    };
  },
});
