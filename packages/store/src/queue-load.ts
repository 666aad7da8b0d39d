import type { Load } from "@llamero/core";
import type { QueueState } from "./queues.ts";

/**
 * What the number of a queue's workers follows from. Of jobs that are fed and do not run yet, each counts as much as those in the lines do,
 * or as those that ended of late did.
 */
export function loadOf({ waiting, counts, jobsPerSecond, tokensPerSecond, slots, tokenMs }: QueueState): Load {
  const lines = Object.values(waiting);
  const jobs = lines.reduce((sum, line) => sum + line.jobs, 0);
  const tokens = lines.reduce((sum, line) => sum + line.tokens, 0);
  const fed = Math.max(0, counts.queued - jobs);
  const each = jobs > 0 ? tokens / jobs : jobsPerSecond > 0 ? tokensPerSecond / jobsPerSecond : 0;
  return {
    // One whose cost nobody knows is work all the same.
    waitingTokens: tokens + fed * Math.max(each, 1),
    runningJobs: counts.running,
    servedTokensPerSecond: tokensPerSecond,
    slots,
    tokenMs,
  };
}
