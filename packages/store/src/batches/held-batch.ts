import type { BatchEnding, BatchError } from "@llamero/core";
import type { RunScript } from "../scripts.ts";
import { type Segment, segmentText } from "./segment.ts";

/** The right to move a batch on. Whoever claims it later shuts out who had it before. */
export interface BatchClaim {
  id: string;
  fence: number;
}

/** A batch stays with its holder for so long without a renewal, in milliseconds. */
export const BATCH_LEASE_MS = 5_000;

export const isDone = (reply: unknown): boolean => reply === 1;

/** What a dispatcher does with a batch that it holds. All of it is refused, by `lost`, when somebody else holds it by now. */
export function createHeldBatches(run: RunScript) {
  return {
    /** Batches for which something is to be done, and that nobody holds. */
    async claim(limit: number): Promise<BatchClaim[]> {
      const reply = (await run("claim-batches", [limit, BATCH_LEASE_MS])) as (string | number)[];
      const claims: BatchClaim[] = [];
      for (let i = 0; i + 1 < reply.length; i += 2) claims.push({ id: String(reply[i]), fence: Number(reply[i + 1]) });
      return claims;
    },
    renew: async ({ id, fence }: BatchClaim): Promise<boolean> => isDone(await run("renew-batch", [id, fence, BATCH_LEASE_MS])),
    /**
     * Gives a batch back.
     * @param delayMs after which it is to be looked at whatever happens; null: never again, it has ended
     * @param paused what is in its way, in words for its owner. Default: null, nothing
     * @returns `again`: something has come up in between, and it is still held
     */
    async release({ id, fence }: BatchClaim, delayMs: number | null, paused: string | null = null) {
      return (await run("release-batch", [id, fence, delayMs ?? "", paused ?? ""])) as "released" | "again" | "lost";
    },
    /** Begins to read the input. `copied`: the segments are those of the batch to reuse. */
    async begin({ id, fence }: BatchClaim, reuse: string | null) {
      return (await run("begin-batch", [id, fence, reuse ?? ""])) as "begun" | "copied" | "lost";
    },
    async addSegments({ id, fence }: BatchClaim, segments: readonly Segment[]): Promise<boolean> {
      const lines = segments.reduce((sum, segment) => sum + segment.lines, 0);
      return isDone(await run("add-segments", [id, fence, lines, ...segments.map(segmentText)]));
    },
    async start({ id, fence }: BatchClaim, model: string | null) {
      return (await run("start-batch", [id, fence, model ?? ""])) as "started" | "stopped" | "lost";
    },
    async end(
      { id, fence }: BatchClaim,
      status: BatchEnding | "finalizing",
      errors: readonly BatchError[] = [],
    ): Promise<boolean> {
      return isDone(await run("end-batch", [id, fence, status, errors.length === 0 ? "" : JSON.stringify(errors)]));
    },
  };
}
