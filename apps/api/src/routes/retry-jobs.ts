import { AppError, jobIdSchema, metadataSchema } from "@llamero/core";
import { z } from "zod";
import { retry } from "../retry.ts";
import { route } from "../route.ts";

/** Jobs that one call runs again. */
const MOST_AT_ONCE = 1_000;

const bodySchema = z
  .strictObject({
    status: z.enum(["failed", "expired", "cancelled"]).default("failed"),
    model: z.string().min(1).max(256).optional(),
    error_code: z.string().min(1).max(64).optional().meta({ description: "`engine_crashed`, `worker_lost`, …" }),
    metadata: metadataSchema.optional().meta({ description: "All pairs must match." }),
    after: jobIdSchema
      .optional()
      .meta({ description: "The `last_id` of the call before: spares looking at the same jobs again." }),
    limit: z.int().min(1).max(MOST_AT_ONCE).default(MOST_AT_ONCE),
  })
  .meta({ id: "RetryJobs" });

const answerSchema = z
  .object({
    object: z.literal("retry"),
    data: z.array(z.object({ id: jobIdSchema, retry_of: jobIdSchema })).meta({ description: "The new jobs, the oldest first." }),
    last_id: jobIdSchema.nullable().meta({ description: "The last job that was run again; `after` goes on behind it." }),
    has_more: z.boolean().meta({ description: "There are more; call again." }),
  })
  .meta({ id: "Retry" });

export const retryJobs = route({
  method: "post",
  path: "/v1/jobs/retry",
  operationId: "retryJobs",
  summary: "Run ended jobs again",
  description: `Makes a new job of each that ended so, fits the filter and has not been run again, the oldest first; up to ${MOST_AT_ONCE} per call. To call it again is safe, also after a call whose answer was lost: no job is run again twice. It stops where the backlog is full.`,
  tag: "jobs",
  request: { body: bodySchema },
  responses: { 202: { description: "The new jobs.", schema: answerSchema } },
  errors: [404, 429],
  handle: async ({ body, owner, key }, services) => {
    const { status, model, error_code: errorCode, metadata = {}, after, limit } = body;
    const slug = model === undefined ? undefined : (await services.models.find(model)).slug;
    const { records, hasMore } = await services.store.listRecords({
      ...{ owner, status, metadata, limit, order: "asc", isRetried: false },
      ...(slug === undefined ? {} : { slug }),
      ...(errorCode === undefined ? {} : { errorCode }),
      ...(after === undefined ? {} : { after }),
    });
    const data: z.infer<typeof answerSchema>["data"] = [];
    for (const record of records) {
      try {
        const { job } = await retry(services, record, { isOnlyRetry: true, key });
        data.push({ id: job.id, retry_of: record.id });
      } catch (error) {
        // What has been accepted must be told; the rest is as it was.
        if (!(error instanceof AppError) || error.kind !== "capacity" || data.length === 0) throw error;
        break;
      }
    }
    const last_id = data.at(-1)?.retry_of ?? null;
    return { status: 202, body: { object: "retry", data, last_id, has_more: hasMore || data.length < records.length } };
  },
});
