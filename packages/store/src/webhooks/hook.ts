import { jobEventSchema, webhookPayloadStyles } from "@llamero/core";
import { z } from "zod";

/** The webhook that a job was submitted with, as it is stored. Without a secret of its own the deployment's signs. */
const jobHookSchema = z.object({
  url: z.string(),
  secret: z.string().nullable(),
  events: z.array(jobEventSchema).readonly(),
  payload: z.enum(webhookPayloadStyles),
});
export type JobHook = z.infer<typeof jobHookSchema>;

export function parseHook(text: string): JobHook {
  return jobHookSchema.parse(JSON.parse(text));
}
