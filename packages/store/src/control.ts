import type { StopReason } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "./keys.ts";

/** Calls back for every job that is asked to stop while it runs. The flag in the record is what counts: `append` returns it. */
export async function onStopRequest(
  subscriber: Redis,
  keys: Keys,
  handle: (jobId: string, reason: StopReason) => void,
): Promise<void> {
  subscriber.on("message", (channel: string, message: string) => {
    const [jobId, reason] = message.split(",");
    if (channel === keys.control && jobId !== undefined && jobId !== "worker")
      handle(jobId, reason === "deadline" ? "deadline" : "cancelled");
  });
  await subscriber.subscribe(keys.control);
}
