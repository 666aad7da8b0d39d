import type { Priority } from "@llamero/core";

/**
 * A model's carriers stand in two queues, so that an urgent one need not wait until those before it are pulled. Which jobs are fed, and
 * in what order, is the store's to say.
 */
export const lanes = ["urgent", "steady"] as const;
export type Lane = (typeof lanes)[number];

export const laneOf = (priority: Priority): Lane => (priority === "high" ? "urgent" : "steady");

/** The BullMQ queue of a model's carriers. */
export function inferenceQueue(slug: string, lane: Lane): string {
  return lane === "steady" ? `inference.${slug}` : `inference.${slug}.${lane}`;
}

/** The BullMQ queue of what schedules let fall due. */
export const SCHEDULE_QUEUE = "schedules";

/** The BullMQ queue of webhook deliveries. */
export const DELIVERY_QUEUE = "deliveries";
