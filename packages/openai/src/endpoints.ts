import { AppError, type Job, type ModelEntry, type SubmitBody } from "@llamero/core";
import type { z } from "zod";
import { chatCompletion, completion } from "./answer.ts";
import { chatCompletionSchema, chatJobs } from "./chat-request.ts";
import { completionJobs, completionSchema } from "./completion-request.ts";
import { checkDimensions, embeddings, embeddingsJob, embeddingsSchema } from "./embeddings.ts";
import { rerank, rerankJob, rerankSchema } from "./rerank.ts";
import { requireInput } from "./responses/items.ts";
import { createResponseSchema, doorOf, responseJob } from "./responses/request.ts";
import { responseView } from "./responses/view.ts";

/** A call that a line of a batch can make: its jobs, and the answer that they make up. */
export interface Endpoint<Body = unknown> {
  schema: z.ZodType<Body>;
  /** At least one. @throws AppError `invalid_request` */
  jobs(body: Body): SubmitBody[];
  /** @throws AppError `invalid_request` where the model does not do what the call asks of it */
  check?(body: Body, model: ModelEntry): void;
  /** @param jobs all succeeded, in the order of `jobs` */
  answer(jobs: readonly Job[], first: Job, body: Body): object;
}

/** Declares an endpoint; whoever calls it has parsed the body with its schema. */
const endpoint = <Body>(spec: Endpoint<Body>): Endpoint => spec as Endpoint;

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
  "/v1/chat/completions": endpoint({
    schema: chatCompletionSchema,
    jobs: (body) => {
      refuseStream(body);
      return chatJobs(body);
    },
    answer: (jobs, first) => chatCompletion(jobs, first),
  }),
  "/v1/completions": endpoint({
    schema: completionSchema,
    jobs: (body) => {
      refuseStream(body);
      return completionJobs(body);
    },
    answer: (jobs, first, body) => completion(jobs, first, body.n ?? 1),
  }),
  "/v1/embeddings": endpoint({
    schema: embeddingsSchema,
    jobs: (body) => [embeddingsJob(body)],
    check: checkDimensions,
    answer: (_jobs, first, body) => embeddings(first, body),
  }),
  "/v1/responses": endpoint({
    schema: createResponseSchema,
    jobs: (body) => {
      refuseState(body);
      requireInput(doorOf(body).input);
      return [responseJob(body, [])];
    },
    answer: (_jobs, first, body) => responseView(first, doorOf(body)),
  }),
  "/v1/rerank": endpoint({
    schema: rerankSchema,
    jobs: (body) => [rerankJob(body)],
    answer: (_jobs, first, body) => rerank(first, body),
  }),
} as const;

export type BatchEndpoint = keyof typeof batchEndpoints;
export const batchEndpointPaths = Object.keys(batchEndpoints) as [BatchEndpoint, ...BatchEndpoint[]];
