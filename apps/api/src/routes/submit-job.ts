import { AppError, jobSchema, type SubmitBody, submitSchema } from "@llamero/core";
import { z } from "zod";
import { acceptJob, REUSE_HEADER } from "../accept-job.ts";
import { idempotencyHeaders } from "../params.ts";
import { preferredWaitMs } from "../prefer.ts";
import { type Answer, type Call, route, type Services } from "../route.ts";
import { waitForJob } from "../wait-for-job.ts";

const locationHeader = z.object({ Location: z.string().meta({ description: "Path of the job.", example: "/v1/jobs/job_…" }) });

async function handle(call: Call<unknown, unknown, SubmitBody>, services: Services): Promise<Answer> {
  const { job, headers } = await acceptJob(call, services, call.body);
  const location = { ...headers, location: `/v1/jobs/${job.id}` };
  const waitMs = preferredWaitMs(call.headers.get("prefer"));
  if (waitMs === 0) return { status: 202, body: job, headers: location };
  const reference = { id: job.id, owner: call.owner };
  const wait = () =>
    waitForJob(services, reference, { waitMs, signal: call.signal }).catch((error: unknown) => {
      // The job is committed: whoever submitted it must get its id, whatever happens to the wait.
      if (error instanceof AppError) return job;
      throw error;
    });
  const waited = job.finished_at === null ? await wait() : job;
  return {
    status: waited.finished_at === null ? 202 : 200,
    body: waited,
    headers: { ...location, "preference-applied": `wait=${waitMs / 1000}` },
  };
}

export const submitJob = route({
  method: "post",
  path: "/v1/jobs",
  operationId: "submitJob",
  summary: "Submit a job",
  description:
    "Stores the job and answers at once with 202; with `Prefer: wait=N` it waits up to N seconds (60 at most) and answers 200 if the job has ended by then. The same `Idempotency-Key` with the same body gives the same job, with another body 409. A request that was answered before may be answered at once: the job that comes is `succeeded` then, and `cached`.",
  tag: "jobs",
  request: {
    headers: idempotencyHeaders.extend({ Prefer: z.string().optional(), [REUSE_HEADER]: z.enum(["true", "false"]).optional() }),
    body: submitSchema,
  },
  responses: {
    202: { description: "Accepted and stored; `Location` is where to poll it.", schema: jobSchema, headers: locationHeader },
    200: { description: "Ended within the wait that `Prefer` asked for.", schema: jobSchema, headers: locationHeader },
  },
  errors: [404, 409, 429],
  handle,
});
