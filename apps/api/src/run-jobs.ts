import { AppError, isErrorCode, type Job, paramsAtTop, type SubmitBody, submitSchema, validate } from "@llamero/core";
import { type AcceptOptions, acceptJob, type Submitter } from "./accept-job.ts";
import { endJob } from "./end-job.ts";
import type { Call, Services } from "./route.ts";
import { MAX_WAIT_SECONDS, waitForJob } from "./wait-for-job.ts";

/** With this header jobs go on when their client goes away. */
export const KEEP_HEADER = "x-llamero-keep";
/** This header names the session that a call's jobs are turns of. */
export const SESSION_HEADER = "x-llamero-session";

/** A call whose jobs are its answer. */
export type DoorCall = Submitter & Pick<Call<unknown, unknown, unknown>, "signal">;

/** Jobs that are stored, and headers for the answer. */
export interface Accepted {
  jobs: Job[];
  headers: Record<string, string>;
}

const hasKeepHeader = ({ headers }: DoorCall) => headers.get(KEEP_HEADER) === "true";

const generates = ({ prompt, messages }: SubmitBody) => prompt !== undefined || messages !== undefined;

/** Ends what nobody waits for any more, unless it is to be kept. What goes wrong costs the time of the jobs, and is logged. */
export async function abandon(call: DoorCall, services: Services, jobs: readonly Job[]): Promise<void> {
  if (hasKeepHeader(call)) return;
  const ending = jobs.map(({ id }) => endJob(services, { id, owner: call.owner }));
  for (const outcome of await Promise.allSettled(ending))
    if (outcome.status === "rejected") services.logger.warn({ err: outcome.reason }, "a job that nobody waits for goes on");
}

/** An error of a job's in the words of the door, where the job's params stand at the top and nobody has named a deadline. */
function atTheDoor(error: unknown, answerMs: number): unknown {
  if (!(error instanceof AppError)) return error;
  const { code, retryAfterSeconds } = error;
  if (code !== "deadline_unreachable") return error.param === null ? error : paramsAtTop(error);
  const text = `So much waits that there would be no answer within ${answerMs / 1_000} s, the most that a call waits for one here.`;
  return new AppError(code, text, retryAfterSeconds === null ? {} : { retryAfterSeconds });
}

/** Stores all jobs of a call, or none: when one is refused, the others are cancelled. @throws AppError as `acceptJob` */
export async function acceptAll(
  call: DoorCall,
  services: Services,
  bodies: readonly SubmitBody[],
  { isKept = hasKeepHeader(call), ...options }: { isKept?: boolean } & Omit<AcceptOptions, "part"> = {},
): Promise<Accepted> {
  // Where this process dies, nobody is left to cancel what nobody waits for.
  const limit = isKept ? {} : { deadline_ms: services.answerMs };
  const session = call.headers.get(SESSION_HEADER);
  const accepting = bodies.map(async (body, index) => {
    const named = session !== null && generates(body) ? { session_id: session } : {};
    // What the door lets through may still be no job: the rules of jobs hold whichever way they come.
    const checked = validate(submitSchema, { ...body, ...limit, ...named });
    return acceptJob(call, services, checked, { ...options, part: bodies.length === 1 ? "" : ` ${index}` });
  });
  const outcomes = await Promise.allSettled(accepting);
  const accepted = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const refused = outcomes.find((outcome) => outcome.status === "rejected");
  if (refused !== undefined) {
    await Promise.allSettled(accepted.map(({ job }) => endJob(services, { id: job.id, owner: call.owner })));
    throw atTheDoor(refused.reason, services.answerMs);
  }
  return { jobs: accepted.map(({ job }) => job), headers: accepted.at(-1)?.headers ?? {} };
}

const late = (answerMs: number) =>
  new AppError("answer_timeout", `There was no answer within ${answerMs / 1_000} s, the most that a call waits for one here.`);

/** What a job that has not succeeded says to those who waited for its answer. */
export function failureOf({ status, error, id }: Job, answerMs: number): AppError {
  if (status === "expired") return late(answerMs);
  if (error !== null && isErrorCode(error.code)) return new AppError(error.code, error.message);
  return new AppError("answer_cancelled", `Job ${id} is ${status}.`);
}

/** The job when it has succeeded. @throws AppError what it failed with, or that it takes too long */
export async function endOf(call: DoorCall, services: Services, accepted: Job): Promise<Job> {
  if (accepted.status === "succeeded") return accepted;
  const reference = { id: accepted.id, owner: call.owner };
  const until = performance.now() + services.answerMs;
  for (;;) {
    const leftMs = Math.max(0, Math.ceil(until - performance.now()));
    const waitMs = Math.min(MAX_WAIT_SECONDS * 1_000, leftMs);
    const job = await waitForJob(services, reference, { waitMs, signal: call.signal });
    if (job.finished_at !== null) {
      if (job.status !== "succeeded") throw failureOf(job, services.answerMs);
      return job;
    }
    if (call.signal.aborted) throw new AppError("answer_cancelled", "The client has gone away.");
    if (performance.now() >= until) throw late(services.answerMs);
    if (services.notifications.isClosed) throw new AppError("api_stopping", "This API process is stopping. Try again.");
  }
}

/**
 * Runs the jobs of a call to their end. A client that goes away cancels them.
 * @throws AppError as `acceptJob`, and what a job failed with; the others are cancelled then
 */
export async function runJobs(
  call: DoorCall,
  services: Services,
  bodies: readonly SubmitBody[],
  options: Pick<AcceptOptions, "check"> = {},
): Promise<Accepted> {
  const { jobs, headers } = await acceptAll(call, services, bodies, options);
  try {
    return { jobs: await Promise.all(jobs.map((job) => endOf(call, services, job))), headers };
  } catch (error) {
    await abandon(call, services, jobs);
    throw error;
  }
}

/** As `runJobs`, for a call that has one job. */
export async function runJob(
  call: DoorCall,
  services: Services,
  body: SubmitBody,
  options: Pick<AcceptOptions, "check"> = {},
): Promise<{ job: Job; headers: Record<string, string> }> {
  const { jobs, headers } = await runJobs(call, services, [body], options);
  const [job] = jobs;
  if (job === undefined) throw new Error("a call has at least one job");
  return { job, headers };
}
