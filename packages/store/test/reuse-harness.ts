import { tinyEntry } from "@llamero/testkit";
import { type Ending, modelMark, type NewJob } from "../src/index.ts";
import { type StartedJob, type StoreHarness, start, submit, take, useStore } from "./harness.ts";

export const mark = modelMark(tinyEntry);

/** What asks for the same has the same key. */
export const asking = (name: string) => ({ key: `${mark}.${name}`, answer: null });
export const reuse = asking("r1");

export const usage = { prompt_tokens: 5, cached_tokens: 2, completion_tokens: 3, total_tokens: 8 };
export const timings = { queue_ms: 1, prefill_ms: 2, first_token_ms: 3, generate_ms: 4 };
export const result = { text: "yes, naïve 🦙", finish_reason: "stop", usage, timings } as const;
export const succeeded = { status: "succeeded", result, completionTokens: 3, ran: mark } as const;
export const failed = { status: "failed", error: { code: "engine_failed", message: "x" } } as const;

type Named = Pick<NewJob, "id" | "owner">;

/** A store for tests of answers that are given again, and what they do over and over. */
export function useReuse() {
  const harness: StoreHarness = useStore();
  const read = async ({ id, owner }: Named) => {
    const job = await harness.store.getJob({ id, owner });
    if (job === null) throw new Error(`there is no job ${id}`);
    return job;
  };
  const end = async (job: StartedJob, ending: Ending = succeeded) => {
    const finished = await harness.store.finish(job.claim, ending);
    if (finished.outcome !== "finished") throw new Error(`not finished: ${finished.outcome}`);
    return finished.fed;
  };
  return {
    harness,
    read,
    statusOf: async (job: Named) => (await read(job)).status,
    end,
    /** Ends a job that waits in the window, under its first run. */
    endFed: async (job: NewJob, run = 1) => end({ ...job, run, claim: await take(harness, { job_id: job.id, run }) }),
    /** Computes and keeps an answer. */
    answer: async (over: Partial<NewJob> = {}) => {
      const job = await start(harness, { reuse, ...over });
      await end(job);
      return job;
    },
    counts: async () => (await harness.store.reuse.state()).models[0],
    set: (settings: { ttl_seconds?: number; max_bytes?: number }) =>
      harness.store.settings.change({ reuse: settings }, { by: "test", nowMs: 1 }),
    /** Submits so many that ask for the same. */
    submitMany: (count: number) => Promise.all(Array.from({ length: count }, () => submit(harness, { reuse }))),
    /** Lets the deadline of a job that waits pass. */
    expire: async ({ id }: Named) => {
      await harness.redis.zadd(`${harness.store.keys.base}deadlines`, 1, id);
      await harness.store.sweep({ retentionMs: 60_000, limit: 10 });
    },
  };
}
