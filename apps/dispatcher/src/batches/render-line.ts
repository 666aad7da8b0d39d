import { errorBody, MESSAGES_PATH, type MessageResultLine } from "@llamero/anthropic";
import { httpStatus, type Job } from "@llamero/core";
import {
  answeredLine,
  failedLine,
  failureOfJob,
  type LineError,
  type LineName,
  lineErrorOf,
  type ResultLine,
  unansweredLine,
} from "@llamero/openai";
import { batchCallAt } from "./batch-calls.ts";
import type { Held } from "./held.ts";
import type { SegmentLine } from "./segment-lines.ts";

/** What a line has come to. `isMissing`: one of its jobs has never been, and it is not counted as ended yet. */
export type LineEnd =
  | { kind: "answered"; body: object }
  | { kind: "failed"; error: LineError }
  | { kind: "expired" | "cancelled" | "job_cancelled"; isMissing: boolean };

interface Ended {
  batch: Pick<Held["batch"], "endpoint" | "stop">;
  line: SegmentLine;
  /** All ended; null where one has never been. */
  jobs: readonly (Job | null)[];
  /** Why it never became jobs, as JSON. */
  refusal: string | null;
}

export function endOfLine({ batch, line, jobs, refusal }: Ended): LineEnd {
  if (refusal !== null) return { kind: "failed", error: JSON.parse(refusal) as LineError };
  const ended = jobs.filter((job) => job !== null);
  const [first] = ended;
  if (first === undefined || ended.length < jobs.length) return { kind: batch.stop ?? "cancelled", isMissing: true };
  const unfinished = ended.find(({ status }) => status !== "succeeded");
  if (unfinished !== undefined) return endOfJob(unfinished, batch.stop);
  if (line.kind === "bad") return { kind: "failed", error: lineErrorOf(line.error) };
  return { kind: "answered", body: batchCallAt(batch.endpoint).answer(ended, first, line.line.body) };
}

function endOfJob(job: Job, stop: Ended["batch"]["stop"]): LineEnd {
  if (job.status === "expired") return { kind: "expired", isMissing: false };
  if (job.status === "cancelled") return { kind: stop === "cancelled" ? "cancelled" : "job_cancelled", isMissing: false };
  return { kind: "failed", error: failureOfJob(job) };
}

/** What is said of lines that were not let to their end. */
const stops = {
  expired: ["batch_expired", "This request could not be executed before the completion window expired."],
  cancelled: ["batch_cancelled", "The batch was cancelled before this request was executed."],
  job_cancelled: ["request_cancelled", "The request was cancelled."],
} as const;

/** A line of a batch's files: its text, and in which of them it stands. */
export interface RenderedLine {
  text: string;
  file: "output" | "error";
}

/** Anthropic has one file of results, OpenAI two. */
export function renderLine(endpoint: string, name: LineName, end: LineEnd): RenderedLine {
  if (endpoint === MESSAGES_PATH) return { text: JSON.stringify(messageLine(name, end)), file: "output" };
  return { text: JSON.stringify(resultLine(name, end)), file: end.kind === "answered" ? "output" : "error" };
}

function resultLine(name: LineName, end: LineEnd): ResultLine {
  const requestId = `req_${name.id.slice("batch_req_".length)}`;
  if (end.kind === "answered") return answeredLine(name, requestId, end.body);
  if (end.kind === "failed") return failedLine(name, requestId, end.error);
  const [code, message] = stops[end.kind];
  return unansweredLine(name, code, message);
}

function messageLine({ customId: custom_id }: LineName, end: LineEnd): MessageResultLine {
  if (end.kind === "answered") return { custom_id, result: { type: "succeeded", message: end.body } };
  if (end.kind === "expired") return { custom_id, result: { type: "expired" } };
  if (end.kind !== "failed") return { custom_id, result: { type: "canceled" } };
  const error = errorBody(httpStatus(end.error.code), end.error.message);
  return { custom_id, result: { type: "errored", error } };
}
