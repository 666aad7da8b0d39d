import { jobEvents, metadataSchema, submitSchema, webhookPayloadStyles } from "@llamero/core";
import { z } from "zod";
import { batchEndpointPaths } from "./endpoints.ts";

/** What a schedule runs, as it is stored: found good when it was made. */
export const scheduleWorkSchema = z.discriminatedUnion("kind", [
  z.object({
    v: z.literal(1),
    kind: z.literal("job"),
    body: submitSchema,
    webhook: z
      .object({
        url: z.string(),
        secret: z.string().nullable(),
        events: z.array(z.enum(jobEvents)).readonly(),
        payload: z.enum(webhookPayloadStyles),
      })
      .nullable(),
  }),
  z.object({
    v: z.literal(1),
    kind: z.literal("batch"),
    endpoint: z.enum(batchEndpointPaths),
    inputFileId: z.string(),
    windowSeconds: z.int(),
    metadata: metadataSchema,
    outputExpiresSeconds: z.int().nullable(),
  }),
]);
export type ScheduleWork = z.infer<typeof scheduleWorkSchema>;
