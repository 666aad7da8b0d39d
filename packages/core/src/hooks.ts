import type { OutputParts } from "./job.ts";
import type { JobRequest } from "./job-request.ts";

/** A job before it is accepted. */
export interface Submission {
  owner: string;
  /** The model that it is for. */
  model: string;
  /** What a worker will run. */
  request: JobRequest;
}

/** A job whose model has answered. */
export interface AnsweredJob extends Submission {
  id: string;
  output: OutputParts;
}

export interface HookContext {
  /** Ends the job, or refuses it, with this message for its owner. */
  refuse(message: string): never;
  /** Over when the hook has had its time. */
  signal: AbortSignal;
}

type Given<Value> = Value | undefined | Promise<Value | undefined>;

/**
 * An operator's own checks and changes, at two points in the life of a job. What a hook gives takes the place of what it was given;
 * undefined leaves it as it is. One that throws, gives what is of another form, or takes too long ends the job with `hook_failed`.
 */
export interface Hooks {
  /** In the API and in the dispatcher, before anything is stored. */
  beforeAccept?(submission: Submission, context: HookContext): Given<JobRequest>;
  /**
   * In the worker, before the result is stored. While there is one, a job's text is given out as a whole at its end, and a job that loses
   * its worker begins anew.
   */
  afterFinish?(answered: AnsweredJob, context: HookContext): Given<OutputParts>;
}
