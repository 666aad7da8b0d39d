import type { ModelEntry } from "@llamero/core";
import { checkDimensions, embeddings, embeddingsAnswerSchema, embeddingsJob, embeddingsSchema } from "@llamero/openai";
import { route } from "../../route.ts";
import { runJob } from "../../run-jobs.ts";

export const createEmbeddings = route({
  method: "post",
  path: "/v1/embeddings",
  operationId: "createEmbeddings",
  summary: "Embed texts, in OpenAI's form",
  description: "A durable job that is waited for. A client that goes away cancels it, unless it sends `x-llamero-keep: true`.",
  tag: "openai",
  scope: "submit",
  request: { body: embeddingsSchema },
  responses: { 200: { description: "A vector per text.", schema: embeddingsAnswerSchema } },
  errors: [404, 408, 409, 429],
  handle: async (call, services) => {
    const { body } = call;
    const check = (model: ModelEntry) => checkDimensions(body, model);
    const { job, headers } = await runJob(call, services, embeddingsJob(body), { check });
    return { status: 200, body: embeddings(job, body), headers };
  },
});
