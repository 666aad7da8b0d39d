import { AppError, jobSchema, jobStatuses, metadataSchema } from "@llamero/core";
import { z } from "zod";
import { intParam, isJobId } from "../params.ts";
import { route } from "../route.ts";

const listSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(jobSchema),
    has_more: z.boolean(),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
  })
  .meta({ id: "JobList" });

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
  responses: { 200: { description: "One page of jobs.", schema: listSchema } },
  errors: [404],
  handle: async ({ query, owner }, { store, models }) => {
    const { status, model, error_code: errorCode, retried: isRetried, limit, after, order, metadata } = query;
    if (after !== undefined && !isJobId(after))
      throw new AppError("invalid_cursor", "after must be the last_id of an earlier page.", { param: "after" });
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
    const ids = page.jobs.map((job) => job.id);
    const body = {
      object: "list",
      data: page.jobs,
      has_more: page.hasMore,
      first_id: ids[0] ?? null,
      last_id: ids.at(-1) ?? null,
    };
    return { status: 200, body };
  },
});
