import { z } from "zod";

/** What becomes of a run that falls due while the one before it has not ended. */
export const overlapPolicies = ["skip", "allow", "replace"] as const;
export type OverlapPolicy = (typeof overlapPolicies)[number];

/** What became of a run: `skipped` by the overlap policy; `failed`: nothing was started. */
export const scheduleOutcomes = ["started", "skipped", "failed"] as const;
export type ScheduleOutcome = (typeof scheduleOutcomes)[number];

/** When a schedule falls due, and how: what all schedules have, whatever they run. */
export const scheduleTimingShape = {
  cron: z.string().min(1, "is empty").max(128).meta({
    description: "Five fields, or six with seconds in front.",
    example: "0 2 * * 1-5",
  }),
  timezone: z
    .string()
    .min(1)
    .max(64)
    .default("UTC")
    .meta({ description: "IANA name, whose summer time counts.", example: "Europe/Lisbon" }),
  overlap: z.enum(overlapPolicies).default("skip").meta({
    description:
      "Of a run that falls due while the one before has not ended. skip: it does not take place; allow: both run; replace: the one before is cancelled.",
  }),
  name: z.string().max(128).optional(),
  paused: z.boolean().default(false),
};
