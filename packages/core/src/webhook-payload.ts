import { z } from "zod";
import { jobIdSchema } from "./ids.ts";
import { jobSchema } from "./job.ts";
import { jobStatuses } from "./job-state.ts";
import { jobEventSchema } from "./webhook.ts";

/** Fields that are left out of an event that would be too large, in this order, until it fits. */
export const omittableFields = ["output", "params"] as const;
export type OmittableField = (typeof omittableFields)[number];

const envelope = {
  type: jobEventSchema,
  timestamp: z.iso.datetime().meta({ description: "When it happened; not when it was sent." }),
};

/** The body of an event with `payload: "full"`. */
export const fullWebhookSchema = z
  .object({
    ...envelope,
    data: jobSchema.extend({
      omitted: z
        .object({
          fields: z.array(z.enum(omittableFields)).min(1),
          url: z.string().meta({ description: "Path at the API that gives the whole job.", example: "/v1/jobs/job_…" }),
        })
        .optional()
        .meta({ description: "Only when the event would have been too large: the fields that are null here for that reason." }),
    }),
  })
  .meta({ id: "FullWebhook" });
export type FullWebhook = z.infer<typeof fullWebhookSchema>;

/** The body of an event with `payload: "thin"`. */
export const thinWebhookSchema = z
  .object({ ...envelope, data: z.object({ id: jobIdSchema, status: z.enum(jobStatuses) }) })
  .meta({ id: "ThinWebhook" });
export type ThinWebhook = z.infer<typeof thinWebhookSchema>;
