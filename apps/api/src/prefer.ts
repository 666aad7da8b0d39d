import { MAX_WAIT_SECONDS } from "./wait-for-job.ts";

const WAIT = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?(?=$|[,;\s])/i;

/**
 * Milliseconds that `Prefer: wait=N` (RFC 7240) asks for, capped; 0 without it. Other preferences are ignored, as the RFC
 * says.
 */
export function preferredWaitMs(header: string | null): number {
  const seconds = WAIT.exec(header ?? "")?.[1];
  return seconds === undefined ? 0 : Math.min(Number(seconds), MAX_WAIT_SECONDS) * 1000;
}
