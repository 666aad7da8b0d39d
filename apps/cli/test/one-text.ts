import type { Job } from "@llamero/core";
import { connectRedis, createStore } from "@llamero/store";
import { expect } from "vitest";
import type { Deployment } from "./deployment.ts";
import type { Followed } from "./follow-events.ts";

interface Chunk {
  k: string;
  tokens: string[];
  text: string;
}

/** The chunks of a job as they are stored. */
async function chunksOf(deployment: Deployment, jobId: string): Promise<Chunk[]> {
  const redis = await connectRedis(deployment.redis.url, "commands");
  try {
    const entries = await redis.xrange(createStore({ redis, prefix: "llamero" }).keys.chunks(jobId), "-", "+");
    return entries.map(([k, [, tokens = "", , text = ""]]) => ({ k, tokens: tokens === "" ? [] : tokens.split(","), text }));
  } finally {
    redis.disconnect();
  }
}

/** The job's text, however many attempts made it: what was told while it ran, what is stored, and what it cost. */
export async function expectOneText(deployment: Deployment, job: Job, { follower, events }: Followed) {
  expect(follower.job).toEqual(job);
  expect(job).toMatchObject({ status: "succeeded", output: { text: follower.text, finish_reason: "length" } });
  expect(job.usage).toMatchObject({ completion_tokens: 900, total_tokens: 900 + (job.usage?.prompt_tokens ?? 0) });
  expect(job.usage?.cached_tokens).toBeLessThanOrEqual(job.usage?.prompt_tokens ?? 0);
  expect(events.filter(({ data }) => (data as { text_reset?: boolean }).text_reset)).toEqual([]);
  expect(new Set(follower.ids).size).toBe(follower.ids.length);
  const chunks = await chunksOf(deployment, job.id);
  expect(chunks.map(({ k }) => k)).toEqual(chunks.map((_, index) => `${index + 1}-0`));
  expect(chunks.flatMap(({ tokens }) => tokens)).toHaveLength(900);
  expect(chunks.map(({ text }) => text).join("")).toBe(follower.text);
}
