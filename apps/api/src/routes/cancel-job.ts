import { jobSchema } from "@llamero/core";
import { addCarriers } from "../enqueue.ts";
import { isJobId, jobPath } from "../params.ts";
import { route } from "../route.ts";
import { jobNotFound, waitForJob } from "../wait-for-job.ts";

/** How long a worker has to end a job with its text and usage before the job is ended without it, in milliseconds. */
const ACKNOWLEDGE_MS = 1_800;

export const cancelJob = route({
  method: "post",
  path: "/v1/jobs/{id}/cancel",
  operationId: "cancelJob",
  summary: "Cancel a job",
  description:
    "A waiting job ends at once. A running one is stopped, keeping the text it has; answers within 2 seconds. A job that has ended already is answered as it is.",
  tag: "jobs",
  request: { path: jobPath },
  responses: { 200: { description: "The job, ended.", schema: jobSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    if (!isJobId(path.id)) throw jobNotFound(path.id);
    const reference = { id: path.id, owner };
    const result = await services.store.cancel(reference);
    if (result.outcome === "gone") throw jobNotFound(path.id);
    if (result.outcome === "cancelled") await addCarriers(services, result.fed);
    // Not ended early when the client goes: the worker keeps its time, and the job is ended all the same.
    let job = await waitForJob(services, reference, { waitMs: result.outcome === "requested" ? ACKNOWLEDGE_MS : 0 });
    if (job.finished_at === null) {
      const forced = await services.store.cancel(reference, true);
      if (forced.outcome === "cancelled") await addCarriers(services, forced.fed);
      job = await waitForJob(services, reference, { waitMs: 0 });
    }
    return { status: 200, body: job };
  },
});
