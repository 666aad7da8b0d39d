import type { ServiceImpl } from "@connectrpc/connect";
import { type KeyScope, validate } from "@llamero/core";
import {
  type CancelRequest,
  CancelRequestSchema,
  type GetRequest,
  GetRequestSchema,
  initOf,
  JobSchema,
  type Jobs,
  plainOf,
  readSubmission,
  type SubmitRequest,
  type WatchRequest,
} from "@llamero/grpc";
import { z } from "zod";
import { acceptJob } from "../accept-job.ts";
import { endJob } from "../end-job.ts";
import type { Services } from "../route.ts";
import { MAX_WAIT_SECONDS, waitForJob } from "../wait-for-job.ts";
import type { Calls, GrpcCall } from "./calls.ts";
import type { GrpcErrors } from "./grpc-errors.ts";
import { jobToRead, ownJob } from "./job-reference.ts";
import { submitStream } from "./submit-stream.ts";
import { submitter, tell } from "./submitter.ts";
import { watchJob } from "./watch-job.ts";

export interface JobsServiceOptions {
  calls: Calls;
  errors: GrpcErrors;
  services: Services;
  /** Aborts when this process stops. */
  stopping: AbortSignal;
}

const getSchema = z.strictObject({
  id: z.string().default(""),
  wait_seconds: z.int().min(0).max(MAX_WAIT_SECONDS).default(0),
  owner: z.string().optional(),
});

const cancelSchema = z.strictObject({ id: z.string().default("") });

/** What a key must allow, by method. */
export const jobsScopes = {
  Submit: "submit",
  SubmitStream: "submit",
  Get: "read",
  Watch: "read",
  Cancel: "submit",
} as const satisfies Record<string, KeyScope>;

/** The calls of `llamero.v1.Jobs`, each over the same code as its route. */
export function jobsService({ calls, errors, services, stopping }: JobsServiceOptions): ServiceImpl<typeof Jobs> {
  const submit = async (request: SubmitRequest, call: GrpcCall) => {
    const { body, idempotencyKey } = readSubmission(request);
    const { job, headers } = await acceptJob(submitter(call, idempotencyKey), services, body);
    tell(call.head, headers);
    return initOf(JobSchema, job);
  };
  const get = async (request: GetRequest, call: GrpcCall) => {
    const { wait_seconds, ...asked } = validate(getSchema, plainOf(GetRequestSchema, request));
    const reference = jobToRead(call, services, asked);
    return initOf(JobSchema, await waitForJob(services, reference, { waitMs: wait_seconds * 1_000, signal: call.signal }));
  };
  const cancel = async (request: CancelRequest, call: GrpcCall) => {
    const { id } = validate(cancelSchema, plainOf(CancelRequestSchema, request));
    return initOf(JobSchema, await endJob(services, ownJob(call, id)));
  };
  return {
    submit: calls.unary(submit),
    submitStream: calls.streaming((requests: AsyncIterable<SubmitRequest>, call) =>
      submitStream(requests, call, { services, errors, stopping }),
    ),
    get: calls.unary(get),
    watch: calls.streaming((request: WatchRequest, call) => watchJob(request, call, services)),
    cancel: calls.unary(cancel),
  };
}
