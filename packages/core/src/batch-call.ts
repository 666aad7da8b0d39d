import type { z } from "zod";
import type { Job } from "./job.ts";
import type { ModelEntry } from "./model.ts";
import type { SubmitBody } from "./submit.ts";

/** A call that a line of a batch can make: its jobs, and the answer that they make up. */
export interface BatchCall<Body = unknown> {
  schema: z.ZodType<Body>;
  /** At least one. @throws AppError `invalid_request` */
  jobs(body: Body): SubmitBody[];
  /** @throws AppError `invalid_request` where the model does not do what the call asks of it */
  check?(body: Body, model: ModelEntry): void;
  /** @param jobs all succeeded, in the order of `jobs` */
  answer(jobs: readonly Job[], first: Job, body: Body): object;
}

/** Declares a call; whoever uses it has parsed the body with its schema. */
export const batchCall = <Body>(spec: BatchCall<Body>): BatchCall => spec as BatchCall;
