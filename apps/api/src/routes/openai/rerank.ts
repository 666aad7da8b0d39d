import { rerank, rerankAnswerSchema, rerankJob, rerankSchema } from "@llamero/openai";
import { route } from "../../route.ts";
import { runJob } from "../../run-jobs.ts";

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
  responses: { 200: { description: "The best first.", schema: rerankAnswerSchema } },
  errors: [404, 408, 409, 429],
  handle: async (call, services) => {
    const { job, headers } = await runJob(call, services, rerankJob(call.body));
    return { status: 200, body: rerank(job, call.body), headers };
  },
});
