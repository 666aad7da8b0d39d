import {
  type AttemptCount,
  type AttemptCounts,
  type ErrorCode,
  type JobRequest,
  jobRequestSchema,
  MOST_PREEMPTIONS,
  type Priority,
  prioritySchema,
  retryPolicy,
  type StopReason,
  type TerminalStatus,
  type TokenChunk,
} from "@llamero/core";
import { sessionOf } from "./affinity.ts";
import { type FedJob, readFed } from "./fed-job.ts";
import type { StoredResult } from "./record.ts";
import type { RunScript, Scripts } from "./scripts.ts";

/** The right to write into a running job; void as soon as another claim or an end raises the fence. */
export interface Claim {
  jobId: string;
  fence: number;
  /** Which attempt it is, counted from 1. */
  attempt: number;
  owner: string;
  /** Of the model or variant that it is for. */
  slug: string;
  priority: Priority;
  /** The session that it is a turn of, by a name that only its own jobs have; null: of none. */
  session: string | null;
  /** An urgent job may have its slot. */
  mayYield: boolean;
  /** How the earlier ones ended. */
  counts: AttemptCounts;
  request: JobRequest;
  /** Milliseconds the job waited since it could first run. */
  queueMs: number;
  /** Somebody follows its tokens. */
  isWatched: boolean;
  /** What earlier attempts have emitted, in how many chunks; this one goes on behind it. */
  emitted: TokenChunk & { chunks: number };
  /** Milliseconds from when the job could first run until its first token was stored; null when there is none yet. */
  firstTokenMs: number | null;
  /** The key of what it asks for; null where its answer is not for others. */
  reuseKey: string | null;
  /** The trace that it belongs to, as W3C's `traceparent`; null: to none. */
  trace: string | null;
}

export type ClaimRefusal = "gone" | "terminal" | "stale" | "expired" | "exhausted" | "elsewhere";

export type ClaimResult =
  | { outcome: "claimed"; claim: Claim }
  | { outcome: ClaimRefusal; fed: FedJob[] }
  /** Another worker has its beginning and slots free: the carrier is to be put back. `leftMs`: for how long it has been left by now. */
  | { outcome: "left"; leftMs: number };

export interface ClaimOptions {
  /** Slugs of the variants that the worker runs besides the models themselves. Default: none. */
  variants?: readonly string[];
  /**
   * For how long it keeps what sessions have left in its slots, in milliseconds. Default: null, it takes jobs as they come and nothing is
   * noted of what it has in its cache.
   */
  keptMs?: number | null;
}

/** Claims the job of a carrier for a worker. It may be another than the carrier's own, whose beginning the worker has in its cache. */
export async function claim(
  run: RunScript,
  carrier: { job_id: string; run: number },
  workerId: string,
  { variants = [], keptMs = null }: ClaimOptions,
): Promise<ClaimResult> {
  const args = [carrier.job_id, carrier.run, workerId, retryPolicy.worker_lost.limit, variants.join(" "), keptMs ?? ""];
  const reply = (await run("claim", args)) as [string, ...unknown[]];
  if (reply[1] === "left") return { outcome: "left", leftMs: Number(reply[2]) };
  if (reply[0] === "refused") return { outcome: String(reply[1]) as ClaimRefusal, fed: readFed(reply, 2) };
  const [, fence, attempt, slug, request, queueMs, watched, priorityText, lost, crashes, failures, backend] = reply;
  const [preempted, keepsSlot, chunks, tokens, text, firstTokenMs, owner, reuseKey, jobId, affinity, trace] = reply.slice(12);
  const priority = prioritySchema.parse(priorityText);
  const parsed = jobRequestSchema.parse(JSON.parse(String(request)));
  return {
    outcome: "claimed",
    claim: {
      jobId: String(jobId),
      fence: Number(fence),
      attempt: Number(attempt),
      owner: String(owner),
      slug: String(slug),
      priority,
      session: sessionOf(affinity === "" ? null : String(affinity)),
      mayYield: priority === "low" && keepsSlot === "" && Number(preempted) < MOST_PREEMPTIONS,
      counts: {
        lost: Number(lost),
        crashes: Number(crashes),
        failures: Number(failures),
        backend: Number(backend),
        preempted: Number(preempted),
      },
      request: parsed,
      queueMs: Number(queueMs),
      isWatched: watched === 1,
      emitted: { chunks: Number(chunks), tokens: readTokens(String(tokens)), text: String(text) },
      firstTokenMs: firstTokenMs === "" ? null : Number(firstTokenMs),
      reuseKey: reuseKey === "" ? null : String(reuseKey),
      trace: trace === "" ? null : String(trace),
    },
  };
}

function readTokens(list: string): number[] {
  return list === "" ? [] : list.split(",").map(Number);
}

export type AppendResult =
  | { outcome: "appended"; stop: StopReason | null; isWatched: boolean }
  /** `last`: the ordinal of the newest chunk that is stored. */
  | { outcome: "gone" | "fenced" | "ordinal"; last: number };

/** Stores chunk `k` (1, 2, 3, …) of a claimed job. */
export async function append(
  run: Scripts["runTogether"],
  claim: Pick<Claim, "jobId" | "fence">,
  k: number,
  chunk: TokenChunk,
): Promise<AppendResult> {
  const args = [claim.jobId, claim.fence, k, chunk.tokens.join(","), chunk.text, chunk.tokens.length];
  const [answer, detail, number] = (await run("append", args)) as [string, string, number];
  if (answer === "refused") return { outcome: detail as "gone" | "fenced" | "ordinal", last: number };
  return { outcome: "appended", stop: detail === "" ? null : (detail as StopReason), isWatched: number === 1 };
}

export type Ending =
  /**
   * `tail`: the end of the text, which no chunk holds. Default: none. `ran`: the mark of the model that has computed it (`modelMark`);
   * without it, the answer is not kept for others.
   */
  | { status: Exclude<TerminalStatus, "failed">; result: StoredResult; completionTokens: number; tail?: string; ran?: string }
  | { status: "failed"; error: { code: ErrorCode; message: string }; fault?: Fault }
  /**
   * Hands the job back to the front of its queue, or ends it when it was asked to stop. `countsAs`: why, if it is to count. `startsAnew`:
   * what it has emitted is given up.
   */
  | { status: "queued"; countsAs?: AttemptCount; startsAnew?: boolean; fault?: Fault };

/** That the model is to blame, for its breaker. `waitMs`: its server has asked to be left alone for so long; else null. */
export interface Fault {
  code: ErrorCode;
  waitMs: number | null;
}

export type FinishResult = { outcome: "finished"; fed: FedJob[] } | { outcome: "gone" | "fenced" };

/** Ends a claimed attempt; refused when the job was ended or taken over meanwhile. */
export async function finish(run: RunScript, claim: Pick<Claim, "jobId" | "fence">, ending: Ending): Promise<FinishResult> {
  const result = "result" in ending ? JSON.stringify(ending.result) : "";
  const error = ending.status === "failed" ? ending.error : { code: "", message: "" };
  const tokens = "completionTokens" in ending ? ending.completionTokens : "";
  const counted = ("countsAs" in ending && ending.countsAs) || "";
  const tail = ("tail" in ending && ending.tail) || "";
  const prompt = ("result" in ending && ending.result.usage?.prompt_tokens) || "";
  const ran = ("ran" in ending && ending.ran) || "";
  const fault = "fault" in ending ? ending.fault : undefined;
  const verdict = ending.status === "succeeded" ? "works" : fault === undefined ? "" : "fault";
  const anew = "startsAnew" in ending && ending.startsAnew === true ? 1 : "";
  const args = [
    ...[claim.jobId, claim.fence, ending.status, result, error.code || (fault?.code ?? ""), error.message],
    ...[tokens, counted, tail, prompt, ran, verdict, fault?.waitMs ?? "", anew],
  ];
  const reply = (await run("finish", args)) as [string, ...unknown[]];
  if (reply[0] === "refused") return { outcome: String(reply[1]) as "gone" | "fenced" };
  return { outcome: "finished", fed: readFed(reply, 1) };
}
