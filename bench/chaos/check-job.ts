import { isTerminal, type Job } from "@llamero/core";
import { kinds } from "./job-plan.ts";
import type { Entry } from "./ledger.ts";
import type { StoredJob } from "./stored-jobs.ts";

/** What stands at the end, as far as it may never differ from what somebody was told before. */
export function told({
  id,
  type,
  status,
  output,
  usage,
  error,
  finished_at,
  created_at,
  attempts,
  run_at,
  deadline_at,
}: Job): string {
  return JSON.stringify({ id, type, status, output, usage, error, finished_at, created_at, attempts, run_at, deadline_at });
}

export const textOf = ({ output }: Job): string | null => (output !== null && "text" in output ? output.text : null);

/** What is wrong with a job of which everything is known, one line each. */
export type JobRule = (entry: Entry, stored: StoredJob, answers: ReadonlyMap<string, string>) => boolean;

/** One end, which everybody was told alike. */
const hasOneEnd: JobRule = ({ ids, endings }, { job }) =>
  ids.size === 1 && isTerminal(job.status) && endings.every((ending) => told(ending) === told(job));

/** It ended in a way that its client has brought about. */
const endedAsAsked: JobRule = ({ wasCancelled, planned }, { job }) =>
  job.status === "succeeded" ||
  (job.status === "cancelled" && wasCancelled) ||
  (job.status === "expired" && planned.timing.deadline_ms !== undefined && notBefore(job.finished_at, job.deadline_at));

/** Its times are those that were asked for, whatever the clocks of processes said. */
const keptItsTimes: JobRule = ({ planned: { timing } }, { job }) => {
  const { created_at, run_at, deadline_at, started_at } = job;
  const after = (time: string | null) => (time === null ? undefined : Date.parse(time) - Date.parse(created_at));
  return (
    after(run_at) === timing.delay_ms &&
    after(deadline_at) === timing.deadline_ms &&
    (run_at === null || started_at === null || notBefore(started_at, run_at))
  );
};

/** What it says is what was stored, piece by piece. */
const isWhatWasStored: JobRule = (_, { job, text, tokens, isNumbered }) => {
  const { completion_tokens } = job.progress;
  const isCounted = completion_tokens === tokens && (job.usage === null || job.usage.completion_tokens === tokens);
  return isNumbered && isCounted && (textOf(job) ?? "") === text;
};

/** Who followed it has read one text without a gap, and it is the job's. */
const wasReadAsOne: JobRule = ({ reading, planned }, { job, text, tokens }) =>
  planned.isFollowed === (reading !== null) &&
  (reading === null ||
    (reading.resets === 0 &&
      reading.gaps === 0 &&
      reading.text === text &&
      reading.tokens === tokens &&
      reading.job !== null &&
      told(reading.job) === told(job)));

/** Its result is one of its request. */
const answersItsRequest: JobRule = (entry, { job }, answers) => {
  const { kind, body } = entry.planned;
  const { output, usage, status } = job;
  if (job.metadata["index"] !== String(entry.planned.index)) return false;
  if (kind === "embedding")
    return output === null ? status !== "succeeded" : "embeddings" in output && areVectors(output.embeddings, body);
  if (status === "expired" && job.attempts === 0) return output === null;
  if (status !== "succeeded") return true;
  const text = textOf(job);
  const { tokens } = kinds[kind];
  const isLong = tokens === null || usage?.completion_tokens === tokens;
  const known = answers.get(JSON.stringify(body));
  return text !== null && isLong && (known === undefined || known === text) && (kind !== "schema" || isOrder(text, output));
};

/** Name of what may never be otherwise, and how it is found out. */
export const jobRules = {
  "jobs with several ids or several ends": hasOneEnd,
  "jobs that ended as nobody had asked": endedAsAsked,
  "jobs whose times are not those asked for": keptItsTimes,
  "jobs whose text or tokens are not those stored": isWhatWasStored,
  "jobs whose followers did not read one text, the job's": wasReadAsOne,
  "jobs with a result of another request": answersItsRequest,
} as const satisfies Record<string, JobRule>;

function notBefore(time: string | null, earliest: string | null): boolean {
  return time !== null && earliest !== null && Date.parse(time) >= Date.parse(earliest);
}

const DIMENSIONS = 192;

function areVectors(vectors: readonly (readonly number[])[], body: object): boolean {
  const inputs = (body as { input: string[] }).input;
  const length = (vector: readonly number[]) => Math.hypot(...vector);
  return (
    vectors.length === inputs.length &&
    vectors.every((vector) => vector.length === DIMENSIONS && Math.abs(length(vector) - 1) < 1e-3)
  );
}

function isOrder(text: string, output: Job["output"]): boolean {
  if (output === null || !("finish_reason" in output) || output.finish_reason !== "stop") return true;
  const { name, quantity, ...more } = JSON.parse(text) as Record<string, unknown>;
  return typeof name === "string" && Number.isInteger(quantity) && Object.keys(more).length === 0;
}
