import { jobSchema } from "@llamero/core";
import { z } from "zod";
import { intParam, isJobId, jobPath } from "../params.ts";
import { route } from "../route.ts";
import { jobNotFound, MAX_WAIT_SECONDS, waitForJob } from "../wait-for-job.ts";

export const getJob = route({
  method: "get",
  path: "/v1/jobs/{id}",
  operationId: "getJob",
  summary: "Get a job",
  description: "With `wait`, answers the moment the job ends, or with its state when the wait is over.",
  tag: "jobs",
  request: { path: jobPath, query: z.strictObject({ wait: intParam(0, MAX_WAIT_SECONDS, 0) }) },
  responses: { 200: { description: "The job.", schema: jobSchema } },
  errors: [404],
  handle: async ({ path, query, owner, signal }, services) => {
    if (!isJobId(path.id)) throw jobNotFound(path.id);
    const job = await waitForJob(services, { id: path.id, owner }, { waitMs: query.wait * 1000, signal });
    return { status: 200, body: job };
  },
});
