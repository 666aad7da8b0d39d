import { AppError, isTerminal, jobSchema } from "@llamero/core";
import { isJobId, jobPath } from "../params.ts";
import { retry } from "../retry.ts";
import { route } from "../route.ts";
import { jobNotFound } from "../wait-for-job.ts";

export const retryJob = route({
  method: "post",
  path: "/v1/jobs/{id}/retry",
  operationId: "retryJob",
  summary: "Run an ended job again",
  description:
    "Makes a new job with the same request, model, metadata and webhook; its `retry_of` names the old one, whose `retried_by` names it.",
  tag: "jobs",
  request: { path: jobPath },
  responses: { 202: { description: "The new job.", schema: jobSchema } },
  errors: [404, 409, 429],
  handle: async ({ path, owner, key }, services) => {
    const record = isJobId(path.id) ? await services.store.getRecord({ id: path.id, owner }) : null;
    if (record === null) throw jobNotFound(path.id);
    if (!isTerminal(record.status))
      throw new AppError("job_not_finished", `Job ${path.id} is ${record.status}; only a job that has ended can run again.`);
    const { job, headers } = await retry(services, record, { key });
    return { status: 202, body: job, headers: { ...headers, location: `/v1/jobs/${job.id}` } };
  },
});
