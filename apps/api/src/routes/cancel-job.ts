import { jobSchema } from "@llamero/core";
import { endJob } from "../end-job.ts";
import { isJobId, jobPath } from "../params.ts";
import { route } from "../route.ts";
import { jobNotFound } from "../wait-for-job.ts";

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
    return { status: 200, body: await endJob(services, { id: path.id, owner }) };
  },
});
