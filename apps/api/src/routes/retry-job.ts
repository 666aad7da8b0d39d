import { AppError, isTerminal, jobSchema } from "@llamero/core";
import { enqueue } from "../enqueue.ts";
import { isJobId, jobPath } from "../params.ts";
import { route } from "../route.ts";
import { jobNotFound } from "../wait-for-job.ts";

export const retryJob = route({
  method: "post",
  path: "/v1/jobs/{id}/retry",
  operationId: "retryJob",
  summary: "Run an ended job again",
  description:
    "Makes a new job with the same request, model, metadata and webhook; `retry_of` names the old one, which stays as it is.",
  tag: "jobs",
  request: { path: jobPath },
  responses: { 202: { description: "The new job.", schema: jobSchema } },
  errors: [404, 409, 429],
  handle: async ({ path, owner }, services) => {
    const { store } = services;
    // Read before the record: a job that is still there then had its webhook here.
    const webhook = isJobId(path.id) ? await store.webhooks.jobWebhook(path.id) : null;
    const record = isJobId(path.id) ? await store.getRecord({ id: path.id, owner }) : null;
    if (record === null) throw jobNotFound(path.id);
    if (!isTerminal(record.status))
      throw new AppError("job_not_finished", `Job ${path.id} is ${record.status}; only a job that has ended can run again.`);
    const job = await enqueue(services, {
      model: await store.modelName(record.slug),
      job: {
        id: services.newJobId(),
        owner,
        slug: record.slug,
        request: record.request,
        runAtMs: null,
        deadlineMs: null,
        idempotency: null,
        metadata: Object.keys(record.metadata).length === 0 ? null : record.metadata,
        retryOf: record.id,
        webhook,
      },
    });
    return { status: 202, body: job, headers: { location: `/v1/jobs/${job.id}` } };
  },
});
