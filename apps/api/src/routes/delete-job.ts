import { AppError, jobIdSchema } from "@llamero/core";
import { z } from "zod";
import { isJobId, jobPath } from "../params.ts";
import { route } from "../route.ts";
import { jobNotFound } from "../wait-for-job.ts";

const deletedSchema = z
  .object({ id: jobIdSchema, object: z.literal("job"), deleted: z.literal(true) })
  .meta({ id: "DeletedJob" });

export const deleteJob = route({
  method: "delete",
  path: "/v1/jobs/{id}",
  operationId: "deleteJob",
  summary: "Delete an ended job",
  description: "Removes the job with its request, output and tokens, now and for good.",
  tag: "jobs",
  request: { path: jobPath },
  responses: { 200: { description: "Deleted.", schema: deletedSchema } },
  errors: [404, 409],
  handle: async ({ path, owner }, { store }) => {
    if (!isJobId(path.id)) throw jobNotFound(path.id);
    const result = await store.remove({ id: path.id, owner });
    if (result.outcome === "gone") throw jobNotFound(path.id);
    if (result.outcome === "in_batch")
      throw new AppError("job_not_finished", `Job ${path.id} is a line of a batch, which removes it when the line is written.`);
    if (result.outcome === "unfinished")
      throw new AppError("job_not_finished", `Job ${path.id} is ${result.status}; cancel it before deleting it.`);
    return { status: 200, body: { id: path.id, object: "job", deleted: true } };
  },
});
