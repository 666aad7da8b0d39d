import { overlapPolicies, scheduleOutcomes, scheduleTimingShape, submitSchema } from "@llamero/core";
import { createBatchSchema } from "@llamero/openai";
import { z } from "zod";

const { run_at: _runAt, ...jobShape } = submitSchema.shape;

/** The body of `POST /v1/schedules`. */
export const createScheduleSchema = z
  .strictObject({
    ...scheduleTimingShape,
    job: z.strictObject(jobShape).optional().meta({ description: "What `POST /v1/jobs` takes, but for `run_at`." }),
    batch: createBatchSchema
      .omit({ reuse_batch_id: true })
      .optional()
      .meta({ description: "What `POST /v1/batches` takes, but for `reuse_batch_id`." }),
  })
  .refine(({ job, batch }) => (job === undefined) !== (batch === undefined), { path: ["job"], error: "give either job or batch" })
  .meta({ id: "CreateSchedule" });
export type CreateSchedule = z.output<typeof createScheduleSchema>;

const time = z.iso.datetime();

export const scheduleSchema = z
  .object({
    id: z.string().meta({ example: "sched_01kaeq4y3c00d5t6v8m2r4q7zn" }),
    object: z.literal("schedule"),
    name: z.string().nullable(),
    cron: z.string(),
    timezone: z.string(),
    overlap: z.enum(overlapPolicies),
    paused: z.boolean(),
    runs: z.enum(["job", "batch"]).meta({ description: "What it runs." }),
    created_at: time,
    next_runs: z.array(time).meta({ description: "The next five; none while it is paused." }),
    run_count: z.int().meta({ description: "Runs that have fallen due, whatever became of them." }),
    last_run: z
      .object({
        at: time.meta({ description: "For when it was." }),
        outcome: z.enum(scheduleOutcomes),
        job_id: z.string().nullable(),
        batch_id: z.string().nullable(),
        error: z.string().nullable().meta({ description: "Why nothing was started." }),
      })
      .nullable(),
  })
  .meta({ id: "Schedule" });
export type ScheduleView = z.infer<typeof scheduleSchema>;
