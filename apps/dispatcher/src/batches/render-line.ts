import type { Job } from "@llamero/core";
import {
  answeredLine,
  batchEndpoints,
  failedLine,
  failureOfJob,
  type LineError,
  type LineName,
  lineErrorOf,
  type ResultLine,
  unansweredLine,
} from "@llamero/openai";
import type { Held } from "./held.ts";
import type { SegmentLine } from "./segment-lines.ts";

export interface LineResult {
  line: ResultLine;
  /** It goes to the output, not to the errors. */
  isAnswered: boolean;
  /** One of its jobs has never been: it is not counted as ended yet. */
  isMissing: boolean;
}

interface Ended {
  batch: Pick<Held["batch"], "endpoint" | "stop">;
  line: SegmentLine;
  name: LineName;
  /** All ended; null where one has never been. */
  jobs: readonly (Job | null)[];
  /** Why it never became jobs, as JSON. */
  refusal: string | null;
}

/** What is said of lines that a batch has not let to their end. */
const stops = {
  expired: ["batch_expired", "This request could not be executed before the completion window expired."],
  cancelled: ["batch_cancelled", "The batch was cancelled before this request was executed."],
} as const;

const answers = (line: ResultLine, isMissing = false): LineResult => ({ line, isAnswered: false, isMissing });

/** What a line has come to. */
export function renderLine({ batch, line, name, jobs, refusal }: Ended): LineResult {
  const requestId = `req_${name.id.slice("batch_req_".length)}`;
  if (refusal !== null) return answers(failedLine(name, requestId, JSON.parse(refusal) as LineError));
  const ended = jobs.filter((job) => job !== null);
  const [first] = ended;
  if (first === undefined || ended.length < jobs.length) return answers(stopped(name, batch.stop ?? "cancelled"), true);
  const unfinished = ended.find(({ status }) => status !== "succeeded");
  if (unfinished !== undefined) return answers(unsuccessful(unfinished, name, requestId, batch.stop));
  if (line.kind === "bad") return answers(failedLine(name, requestId, lineErrorOf(line.error)));
  const body = batchEndpoints[batch.endpoint].answer(ended, first, line.line.body);
  return { line: answeredLine(name, requestId, body), isAnswered: true, isMissing: false };
}

function stopped(name: LineName, stop: keyof typeof stops): ResultLine {
  const [code, message] = stops[stop];
  return unansweredLine(name, code, message);
}

function unsuccessful(job: Job, name: LineName, requestId: string, stop: Ended["batch"]["stop"]): ResultLine {
  if (job.status === "expired") return stopped(name, "expired");
  if (job.status === "cancelled")
    return stop === "cancelled"
      ? stopped(name, "cancelled")
      : unansweredLine(name, "request_cancelled", "The request was cancelled.");
  return failedLine(name, requestId, failureOfJob(job));
}
