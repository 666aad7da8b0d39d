import type { Job, SubmitBody } from "@llamero/core";
import type { Answer, Services } from "../route.ts";
import { acceptAll, type DoorCall, runJobs } from "../run-jobs.ts";
import { type ChunkForm, streamAnswer } from "./stream-answer.ts";

/** What a door makes of a call. */
export interface Door {
  bodies: readonly SubmitBody[];
  answersPerPrompt: number;
  form: ChunkForm;
  answer: (jobs: readonly Job[], first: Job) => object;
}

interface Streaming {
  stream?: boolean | null | undefined;
  stream_options?: { include_usage?: boolean | null | undefined } | null | undefined;
}

/** Runs the jobs of a call and answers it, at their end or as they go. */
export async function serveDoor(
  call: DoorCall & { body: Streaming },
  services: Services,
  { bodies, answersPerPrompt, form, answer }: Door,
): Promise<Answer> {
  if (call.body.stream === true) {
    const accepted = await acceptAll(call, services, bodies);
    const includeUsage = call.body.stream_options?.include_usage === true;
    const streamed = streamAnswer(call, services, accepted, { form, includeUsage, answersPerPrompt });
    return { ...streamed, headers: { ...accepted.headers, ...streamed.headers } };
  }
  const { jobs, headers } = await runJobs(call, services, bodies);
  const [first] = jobs;
  if (first === undefined) throw new Error("a call has at least one job");
  return { status: 200, body: answer(jobs, first), headers };
}
