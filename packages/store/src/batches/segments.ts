import type { Redis } from "ioredis";
import type { Acceptance } from "../accept.ts";
import { affinityOf } from "../affinity.ts";
import { expectedTokens } from "../expected-tokens.ts";
import { type FedJob, readFed } from "../fed-job.ts";
import { type BatchPart, partName } from "../files.ts";
import type { Keys } from "../keys.ts";
import { guarded } from "../redis-errors.ts";
import { routeArgs } from "../routing.ts";
import type { RunScript } from "../scripts.ts";
import { type BatchClaim, isDone } from "./held-batch.ts";
import type { LineJob } from "./line-job.ts";
import { parseSegment, type Segment } from "./segment.ts";

export interface ClosedSegment {
  segment: number;
  /** Lines that have failed without ever having become jobs, and are not counted yet. */
  failed: number;
  /** Of all lines that failed, those that were not let to their end. */
  unanswered: { cancelled: number; expired: number };
  usage: { inputTokens: number; cachedTokens: number; outputTokens: number };
  /** The id that the file gets with its first part, and the bytes of this part: 0 where there is none. */
  parts: Record<BatchPart, { fileId: string; bytes: number }>;
}

export type AcceptedLines =
  | { outcome: "accepted"; fed: FedJob[] }
  | { outcome: "full"; retryAfterSeconds: number; fed: FedJob[] }
  /** The batch is to end. */
  | { outcome: "stopped" | "lost" };

const ERASE_BATCH = 100;

function lineArgs(batch: string, { id, slug, request, metadata, line, reuse, route }: LineJob): (string | number)[] {
  const { prompt, mostOutput } = expectedTokens(request);
  const texts = [JSON.stringify(request), metadata === null ? "" : JSON.stringify(metadata)];
  const reused = [reuse?.key ?? "", reuse?.answer?.result ?? "", reuse?.answer?.promptTokens ?? ""];
  const affinity = affinityOf({ scope: batch, slug, request }) ?? "";
  const more = [...reused, ...routeArgs(route), affinity];
  return [id, slug, ...texts, prompt, mostOutput ?? "", line?.number ?? "", line?.jobs ?? "", ...more];
}

/** Opening segments of a batch that is held: their lines become jobs. */
export function createOpening(redis: Redis, keys: Keys, run: RunScript, limits: Acceptance["limits"]) {
  return {
    segmentCount: (id: string): Promise<number> => guarded(() => redis.llen(keys.segments(id))),
    segment: (id: string, number: number): Promise<Segment | null> =>
      guarded(async () => {
        const text = await redis.lindex(keys.segments(id), number);
        return text === null ? null : parseSegment(text);
      }),
    /** Open segment → jobs of it that have not ended. */
    openSegments: (id: string): Promise<Map<number, number>> =>
      guarded(async () => {
        const open = Object.entries(await redis.hgetall(keys.openJobs(id)));
        return new Map(open.map(([segment, jobs]) => [Number(segment), Number(jobs)] as const).sort(([a], [b]) => a - b));
      }),
    async openSegment({ id, fence }: BatchClaim, segment: number, jobs: number) {
      return (await run("open-segment", [id, fence, segment, jobs])) as "opening" | "stopped" | "lost";
    },
    segmentOpened: async ({ id, fence }: BatchClaim, segment: number): Promise<boolean> =>
      isDone(await run("opened-segment", [id, fence, segment])),
    /** Commits jobs of a segment; those that are there already are left as they are. */
    async acceptLines(
      { id, fence }: BatchClaim,
      { segment, keyId, deadlineAtMs }: { segment: number; keyId: string | null; deadlineAtMs: number },
      jobs: readonly LineJob[],
    ): Promise<AcceptedLines> {
      const { maxWaiting, maxWaitingTokens } = limits();
      const head = [id, fence, segment, keyId ?? "", deadlineAtMs, maxWaiting ?? "", maxWaitingTokens ?? ""];
      const reply = (await run("accept-lines", [...head, ...jobs.flatMap((job) => lineArgs(id, job))])) as [string, ...unknown[]];
      if (reply[0] === "accepted") return { outcome: "accepted", fed: readFed(reply, 1) };
      if (reply[0] === "full") return { outcome: "full", retryAfterSeconds: Number(reply[1]), fed: readFed(reply, 2) };
      return { outcome: reply[0] === "stopped" ? "stopped" : "lost" };
    },
    /** A line, with so many jobs, that cannot become jobs. @param reason as JSON, kept until the segment is closed */
    refuseLine: async ({ id, fence }: BatchClaim, segment: number, line: { number: number; jobs: number }, reason: string) =>
      isDone(await run("refuse-line", [id, fence, segment, line.number, line.jobs, reason])),
    /** Lines of a segment, with so many jobs, that an earlier batch has done. */
    reuseLines: async ({ id, fence }: BatchClaim, segment: number, { lines, jobs }: { lines: number; jobs: number }) =>
      isDone(await run("reuse-lines", [id, fence, segment, lines, jobs])),
  };
}

/** Closing segments of a batch that is held: what their lines have come to is written into its files. */
export function createClosing(redis: Redis, keys: Keys, run: RunScript) {
  return {
    /** Line → why it did not become jobs, as JSON. */
    refusals: (id: string, segment: number): Promise<Map<number, string>> =>
      guarded(async () => {
        const entries = Object.entries(await redis.hgetall(keys.refusedLines(id, segment)));
        return new Map(entries.flatMap(([line, reason]) => (line === "reused" ? [] : [[Number(line), reason] as const])));
      }),
    /** Says that objects are about to be written for a segment, so that they are removed where nobody closes it with them. */
    async beginClosing({ id, fence }: BatchClaim, segment: number) {
      return (await run("begin-closing", [id, fence, segment])) as "closing" | "closed" | "lost";
    },
    async closeSegment(
      { id, fence }: BatchClaim,
      { segment, failed, unanswered, usage, parts }: ClosedSegment,
    ): Promise<"closed" | "lost"> {
      const { inputTokens, cachedTokens, outputTokens } = usage;
      const files = [parts.output, parts.error].flatMap(({ fileId, bytes }) => [fileId, bytes]);
      const args = [
        id,
        fence,
        segment,
        failed,
        unanswered.cancelled,
        unanswered.expired,
        inputTokens,
        cachedTokens,
        outputTokens,
        ...files,
      ];
      return (await run("close-segment", args)) as "closed" | "lost";
    },
    /** Closed segments whose jobs are still there. */
    segmentsToErase: (id: string): Promise<number[]> => guarded(async () => (await redis.smembers(keys.toErase(id))).map(Number)),
    /** Removes the jobs of a closed segment. */
    async eraseLines(id: string, segment: number, jobIds: readonly string[]): Promise<void> {
      for (let from = 0; from < jobIds.length; from += ERASE_BATCH)
        await run("erase-lines", [id, segment, "", ...jobIds.slice(from, from + ERASE_BATCH)]);
      await run("erase-lines", [id, segment, 1]);
    },
    /** Objects that were begun for segments and are in no file. */
    strayObjects: (id: string): Promise<string[]> =>
      guarded(async () =>
        (await redis.smembers(keys.batchObjects(id))).flatMap((entry) => {
          const [segment = "", fence = ""] = entry.split(".");
          return (["output", "error"] as const).map((part) => partName(id, part, segment, fence));
        }),
      ),
    forgetStrayObjects: (id: string): Promise<void> =>
      guarded(async () => {
        await redis.del(keys.batchObjects(id));
      }),
  };
}
