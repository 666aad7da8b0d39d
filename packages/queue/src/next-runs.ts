import { AppError } from "@llamero/core";
import { getNextMillis } from "bullmq";

/** When something is to run: what BullMQ goes by. */
export interface Timing {
  cron: string;
  timezone: string;
}

/**
 * The next times at which something falls due, in milliseconds since the epoch.
 * @throws AppError `invalid_request` for a cron expression or a time zone that is none
 */
export function nextRuns({ cron, timezone }: Timing, fromMs: number, count: number): number[] {
  const runs: number[] = [];
  try {
    new Intl.DateTimeFormat("en", { timeZone: timezone });
  } catch (cause) {
    const text = `timezone: ${timezone} is no time zone; write it as in Europe/Lisbon.`;
    throw new AppError("invalid_request", text, { param: "timezone", cause });
  }
  try {
    for (let at: number | undefined = fromMs; runs.length < count; runs.push(at)) {
      at = getNextMillis(at, { pattern: cron, tz: timezone });
      if (at === undefined) break;
    }
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : "";
    throw new AppError("invalid_request", `cron: ${said || "cannot be read"}.`, { param: "cron", cause });
  }
  return runs;
}
