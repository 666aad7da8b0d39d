import { AppError, batchCall } from "@llamero/core";
import { chatCompletion, completion } from "./answer.ts";
import { chatCompletionSchema, chatJobs } from "./chat-request.ts";
import { completionJobs, completionSchema } from "./completion-request.ts";
import { checkDimensions, embeddings, embeddingsJob, embeddingsSchema } from "./embeddings.ts";
import { rerank, rerankJob, rerankSchema } from "./rerank.ts";
import { requireInput } from "./responses/items.ts";
import { createResponseSchema, doorOf, responseJob } from "./responses/request.ts";
import { responseView } from "./responses/view.ts";

function refuseInBatch(...names: string[]): (body: object) => void {
  return (body) => {
    const named = names.find((name) => (body as Record<string, unknown>)[name]);
    if (named !== undefined)
      throw new AppError("invalid_request", `${named}: is not supported in a batch; leave it out.`, { param: named });
  };
}
const refuseStream = refuseInBatch("stream");
const refuseState = refuseInBatch("stream", "background", "previous_response_id");

/** Path → what a line of a batch with that `url` asks for. */
export const batchEndpoints = {
  "/v1/chat/completions": batchCall({
    schema: chatCompletionSchema,
    jobs: (body) => {
      refuseStream(body);
      return chatJobs(body);
    },
    answer: (jobs, first) => chatCompletion(jobs, first),
  }),
  "/v1/completions": batchCall({
    schema: completionSchema,
    jobs: (body) => {
      refuseStream(body);
      return completionJobs(body);
    },
    answer: (jobs, first, body) => completion(jobs, first, body.n ?? 1),
  }),
  "/v1/embeddings": batchCall({
    schema: embeddingsSchema,
    jobs: (body) => [embeddingsJob(body)],
    check: checkDimensions,
    answer: (_jobs, first, body) => embeddings(first, body),
  }),
  "/v1/responses": batchCall({
    schema: createResponseSchema,
    jobs: (body) => {
      refuseState(body);
      requireInput(doorOf(body).input);
      return [responseJob(body, [])];
    },
    answer: (_jobs, first, body) => responseView(first, doorOf(body)),
  }),
  "/v1/rerank": batchCall({
    schema: rerankSchema,
    jobs: (body) => [rerankJob(body)],
    answer: (_jobs, first, body) => rerank(first, body),
  }),
} as const;

export type BatchEndpoint = keyof typeof batchEndpoints;
export const batchEndpointPaths = Object.keys(batchEndpoints) as [BatchEndpoint, ...BatchEndpoint[]];
