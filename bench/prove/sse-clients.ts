import { Agent, request } from "node:http";
import { createParser } from "eventsource-parser";
import { type ApiProcess, openApiProcess, type RunningJob } from "./api-process.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";
import { inParallel } from "./store-door.ts";

const CLIENTS = { full: 2_000, quick: 200 };
/** Chunks of text that each job writes while it is followed. */
const CHUNKS = 20;
const IN_FLIGHT = 64;

/**
 * Many clients follow jobs through one API process, once all of them one job, and once each its own. The API runs by itself;
 * the clients share the proof's process.
 */
export async function proveSseClients({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const clients = isQuick ? CLIENTS.quick : CLIENTS.full;
  const one = await follow({ clients, jobs: 1, seed, log });
  const own = await follow({ clients, jobs: clients, seed, log });
  return {
    redisVersion: own.redisVersion,
    figures: {
      clients,
      events_per_client: expectedIds().length,
      one_job_bytes_per_client: one.bytesPerClient,
      one_job_seconds: one.seconds,
      one_job_events_per_s: one.eventsPerSecond,
      own_jobs_bytes_per_client: own.bytesPerClient,
      own_jobs_seconds: own.seconds,
      own_jobs_events_per_s: own.eventsPerSecond,
    },
    claims: [
      claimOf(`of ${clients} clients that follow one job, every one has every event exactly once`, one.exact, clients),
      claimOf(`of ${clients} clients that follow a job each, every one has every event exactly once`, own.exact, clients),
    ],
  };
}

const claimOf = (text: string, value: number, wanted: number) => ({ text, value, passed: value === wanted });

interface Followed {
  /** Clients that got every event once, in order. */
  exact: number;
  bytesPerClient: number;
  seconds: number;
  eventsPerSecond: number;
  redisVersion: string;
}

interface Plan extends Pick<ProofOptions, "seed" | "log"> {
  clients: number;
  jobs: number;
}

async function follow({ clients, jobs, seed, log }: Plan): Promise<Followed> {
  const api = await openApiProcess(seed, jobs);
  const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });
  try {
    const running = await api.startMany(jobs);
    const rssBefore = await api.rssBytes();
    log(`connecting ${clients} clients to ${jobs} jobs`);
    const connected: Client[] = [];
    await inParallel(clients, IN_FLIGHT, async (index) => {
      connected.push(await connect(agent, `${api.url}/v1/jobs/${running[index % jobs]?.id}/events`));
    });
    const rssAfter = await api.rssBytes();
    log(`writing ${CHUNKS} chunks to each of ${jobs} jobs`);
    const startedAt = performance.now();
    await runToEnd(api, running);
    const seen = await Promise.all(connected.map(({ ended }) => ended));
    const seconds = (performance.now() - startedAt) / 1_000;
    await api.listening(0);
    const wanted = expectedIds().join();
    return {
      exact: seen.filter((ids) => ids.join() === wanted).length,
      bytesPerClient: (rssAfter - rssBefore) / clients,
      seconds,
      eventsPerSecond: (clients * (CHUNKS + 1)) / seconds,
      redisVersion: await redisVersion(api.door.redis),
    };
  } finally {
    agent.destroy();
    await api.close();
  }
}

function expectedIds(): string[] {
  const deltas = Array.from({ length: CHUNKS }, (_, index) => `1-${index + 1}-running`);
  return ["0-0-queued", "1-0-running", ...deltas, `1-${CHUNKS}-succeeded`];
}

async function runToEnd({ door: { store } }: ApiProcess, jobs: readonly RunningJob[]): Promise<void> {
  for (let k = 1; k <= CHUNKS; k++)
    await inParallel(jobs.length, IN_FLIGHT, async (index) => {
      const job = jobs[index];
      if (job !== undefined) await store.append(job.claim, k, { tokens: [k], text: "text " });
    });
  const result = { text: "text ".repeat(CHUNKS), finish_reason: "stop" as const };
  await inParallel(jobs.length, IN_FLIGHT, async (index) => {
    const job = jobs[index];
    if (job !== undefined) await store.finish(job.claim, { status: "succeeded", result, completionTokens: CHUNKS });
  });
}

interface Client {
  /** The ids of all events, in the order in which they came. */
  ended: Promise<string[]>;
}

/** Resolves when the client has been told that its job runs: it is up to date then. */
function connect(agent: Agent, url: string): Promise<Client> {
  return new Promise((resolve, reject) => {
    const ids: string[] = [];
    const ended = Promise.withResolvers<string[]>();
    const parser = createParser({
      onEvent: ({ id = "" }) => {
        ids.push(id);
        if (ids.length === 2) resolve({ ended: ended.promise });
      },
    });
    const sent = request(url, { agent }, (response) => {
      response.setEncoding("utf8").on("data", (text: string) => parser.feed(text));
      response.once("end", () => ended.resolve(ids)).once("error", ended.reject);
    });
    sent.on("error", reject).end();
  });
}
