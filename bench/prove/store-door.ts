import { newId } from "@llamero/core";
import { connectRedis, createStore, type NewJob, type Reuse, type Store } from "@llamero/store";
import { type Random, seededRandom, startRedis, type TestRedis } from "@llamero/testkit";
import type { Connection } from "./redis-stats.ts";

export interface Reference {
  id: string;
  owner: string;
}

/** A way in for jobs, with the Redis behind it. */
export interface Door {
  server: TestRedis;
  /** A connection for measuring. */
  redis: Connection;
  store: Store;
  /** Submits one job, of the owner `local` if no other is named, and resolves when it is committed. */
  submit(owner?: string): Promise<Reference>;
  close(): Promise<void>;
}

export const MODEL = "tiny";
/** About 100 tokens: a question with a paragraph to it. */
export const PROMPT_BYTES = 400;
const WORDS = ["model", "queue", "prompt", "token", "worker", "answer", "latency", "receipt", "order", "review"] as const;

/** Prompts of that length, different each time and the same for the same seed. */
export function promptSource(seed: number): () => string {
  const random = seededRandom(seed);
  return () => promptOf(random);
}

function promptOf(random: Random): string {
  let text = "";
  while (text.length < PROMPT_BYTES) text += `${random.pick(WORDS)} `;
  return text.slice(0, PROMPT_BYTES);
}

/**
 * The store's `accept` on a Redis of its own, set up as in production: append-only file, one fsync a second.
 * One connection, as an API process has it.
 * @param reuseOf how a job may be answered by what others were answered; default: not at all
 */
export async function openStoreDoor(seed: number, reuseOf: (jobId: string) => Reuse | null = () => null): Promise<Door> {
  const server = await startRedis(["--appendfsync", "everysec"]);
  const [redis, accepting] = await Promise.all([connectRedis(server.url, "commands"), connectRedis(server.url, "worker")]);
  const store = createStore({ redis: accepting, prefix: "llamero" });
  const random = seededRandom(seed);
  const randomBytes = (count: number) => Uint8Array.from({ length: count }, () => random.below(256));

  const submit = async (owner = "local"): Promise<Reference> => {
    const content = promptOf(random);
    const id = newId("job", { now: Date.now, randomBytes, cell: 0 });
    const job: NewJob = {
      id,
      owner,
      slug: MODEL,
      request: { v: 1, type: "chat", messages: [{ role: "user", content }], params: { seed: random.below(2 ** 32) } },
      runAtMs: null,
      deadlineMs: null,
      idempotency: null,
      metadata: null,
      retryOf: null,
      reuse: reuseOf(id),
    };
    const { outcome } = await store.accept(job);
    if (outcome !== "accepted") throw new Error(`a new job was answered with ${outcome}`);
    return { id: job.id, owner: job.owner };
  };
  const close = async () => {
    redis.disconnect();
    accepting.disconnect();
    await server.close();
  };
  return { server, redis, store, submit, close };
}

/** Runs `step` for 0 to `count` − 1, with `lanes` of them under way at a time. */
export async function inParallel(count: number, lanes: number, step: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < count; index = next++) await step(index);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Submits `count` jobs with `inFlight` of them under way at a time. */
export async function submitMany(door: Door, count: number, inFlight: number): Promise<{ seconds: number; jobs: Reference[] }> {
  const jobs: Reference[] = [];
  const startedAt = performance.now();
  await inParallel(count, inFlight, async () => {
    jobs.push(await door.submit());
  });
  return { seconds: (performance.now() - startedAt) / 1_000, jobs };
}

/** Takes waiting jobs away again with all that belongs to them, so that as many wait as before. */
export async function discard(door: Door, jobs: readonly Reference[], inFlight: number): Promise<void> {
  await inParallel(jobs.length, inFlight, async (index) => {
    const job = jobs[index];
    if (job === undefined) return;
    await door.store.cancel(job);
    await door.store.remove(job);
  });
  await door.redis.del(door.store.keys.outbox);
}
