import { jobSchema, jobStatuses, metadataSchema } from "@llamero/core";
import { z } from "zod";
import { listOf, listSchemaOf, requireCursor } from "../list.ts";
import { intParam } from "../params.ts";
import { route } from "../route.ts";

const query = z.strictObject({
  status: z.enum(jobStatuses).optional(),
  model: z.string().min(1).max(256).optional(),
  error_code: z.string().min(1).max(64).optional().meta({ description: "Of failed jobs: `engine_crashed`, `worker_lost`, …" }),
  retried: z
    .enum(["true", "false"])
    .transform((value) => value === "true")
    .optional()
    .meta({ description: "Whether a job runs it again. `status=failed&retried=false` is what is left to be dealt with." }),
  limit: intParam(1, 100, 20),
  after: z.string().optional().meta({ description: "The `last_id` of the page before." }),
  order: z.enum(["desc", "asc"]).default("desc").meta({ description: "By creation time." }),
  metadata: metadataSchema.optional().meta({
    description: "Written `metadata.key=value` or `metadata[key]=value`, once per key; all must match.",
    param: { style: "deepObject", explode: true },
  }),
});

export const listJobs = route({
  method: "get",
  path: "/v1/jobs",
  operationId: "listJobs",
  summary: "List jobs",
  description:
    "Newest first. `metadata.key=value` keeps jobs whose metadata has that pair; `status=failed&retried=false` lists what failed and has not been run again.",
  tag: "jobs",
  request: { query },
  responses: { 200: { description: "One page of jobs.", schema: listSchemaOf(jobSchema, "JobList") } },
  errors: [404],
  handle: async ({ query, owner }, { store, models }) => {
    const { status, model, error_code: errorCode, retried: isRetried, limit, after, order, metadata } = query;
    requireCursor("job", after);
    const slug = model === undefined ? undefined : (await models.find(model)).slug;
    const page = await store.listJobs({
      owner,
      limit,
      order,
      metadata: metadata ?? {},
      ...(status === undefined ? {} : { status }),
      ...(slug === undefined ? {} : { slug }),
      ...(errorCode === undefined ? {} : { errorCode }),
      ...(isRetried === undefined ? {} : { isRetried }),
      ...(after === undefined ? {} : { after }),
    });
    return { status: 200, body: listOf(page.jobs, page.hasMore) };
  },
});
