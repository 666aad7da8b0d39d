import { z } from "zod";

/** The classes in which jobs wait, the first served first. */
export const priorities = ["high", "normal", "low"] as const;
export type Priority = (typeof priorities)[number];

export const prioritySchema = z.enum(priorities).meta({
  id: "Priority",
  description:
    "Jobs of a higher class go first; one of a lower class that has waited for long gets a share of the slots all the same. " +
    "Within a class, callers share the slots by tokens, whoever has queued more. Default: normal.",
});
