import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import type { Job } from "@llamero/core";
import { type ApiProcess, openApiProcess } from "./api-process.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";

const ROUNDS = { full: 2_000, quick: 200 };
/** Rounds that warm up compilers and caches and do not count. */
const WARM_UP = 50;
const MOST_P50_MS = 5;
const MOST_P99_MS = 25;

/** From the moment a worker hands a result in to the moment a client that waits for it has it. */
export async function proveLongPoll({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const rounds = isQuick ? ROUNDS.quick : ROUNDS.full;
  const api = await openApiProcess(seed, 1);
  const agent = new Agent({ keepAlive: true });
  try {
    log(`waiting for ${rounds} jobs, one after the other`);
    const latencies: number[] = [];
    for (let round = 0; round < WARM_UP + rounds; round++) {
      const latencyMs = await measure(api, agent);
      if (round >= WARM_UP) latencies.push(latencyMs);
    }
    latencies.sort((a, b) => a - b);
    const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)];
    return {
      redisVersion: await redisVersion(api.door.redis),
      figures: {
        rounds,
        result_to_client_p50_ms: p50,
        result_to_client_p90_ms: percentile(latencies, 0.9),
        result_to_client_p99_ms: p99,
        result_to_client_max_ms: percentile(latencies, 1),
      },
      claims: [claimOf("p50", p50, MOST_P50_MS), claimOf("p99", p99, MOST_P99_MS)],
    };
  } finally {
    agent.destroy();
    await api.close();
  }
}

function claimOf(name: string, value: number, limit: number) {
  return { text: `from result to long-poll, ${name} is at most ${limit} ms`, value, passed: value <= limit };
}

async function measure(api: ApiProcess, agent: Agent): Promise<number> {
  const { id, claim } = await api.start();
  await api.listening(0);
  const answer = wait(agent, `${api.url}/v1/jobs/${id}?wait=60`);
  await api.listening(1);
  const result = { text: "positive", finish_reason: "stop" as const };
  const startedAt = performance.now();
  const finished = api.door.store.finish(claim, { status: "succeeded", result, completionTokens: 1 });
  const job = await answer;
  const latencyMs = performance.now() - startedAt;
  await finished;
  if (job.status !== "succeeded") throw new Error(`the wait was answered with a job that is ${job.status}`);
  return latencyMs;
}

function wait(agent: Agent, url: string): Promise<Job> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent }, (response) => {
      text(response).then((body) => resolve(JSON.parse(body) as Job), reject);
    });
    sent.on("error", reject).end();
  });
}

/** @param sorted ascending */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
