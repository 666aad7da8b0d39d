import { type Job, jobSchema } from "@llamero/core";
import { createStore } from "@llamero/store";
import { percentile } from "../engine/statistics.ts";
import { PREFIX } from "./callers.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";
import { openWholeDeployment, type WholeDeployment } from "./whole-deployment.ts";

const TURNS = 20;
const CONVERSATIONS = { full: 4, quick: 1 };
const ROUNDS = { full: 5, quick: 1 };
const MOST_REREAD = 0.1;
const WORKER = { LLAMERO_GPU: "false", LLAMERO_THREADS: "1", LLAMERO_PARALLEL_CONTEXTS: "1", LLAMERO_SLOTS: "4" };
/** What the bundled model knows something of: its answers take a few words, and 20 turns fit into its context. */
const QUESTIONS = [
  "What is a webhook?",
  "What is 7 + 5?",
  "What is a queue?",
  "Name the capital of France.",
  "What is the opposite of hot?",
  "What is a worker?",
  "What is 9 + 4?",
];
const MOST_TOKENS = 16;

interface Talk {
  /** Of its prompts' tokens, the part that the model read. */
  reread: number;
  /** Workers that had a turn of it. */
  workers: number;
  /** Milliseconds to the first token, of each turn but the first. */
  firstTokenMs: number[];
}

/** Conversations on two workers, other jobs between their turns: with and without a session, the same turns. */
export async function proveSession({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const size = isQuick ? "quick" : "full";
  await using deployment = await openWholeDeployment({}, [WORKER, WORKER]);
  const talks: Record<"kept" | "loose", Talk[]> = { kept: [], loose: [] };
  for (let round = 1; round <= ROUNDS[size]; round++) {
    for (const kind of ["kept", "loose"] as const) {
      const talking = Array.from({ length: CONVERSATIONS[size] }, (_, index) => {
        const first = seed * 1_000 + round * 100 + index;
        return talk(deployment, { first, session: kind === "kept" ? `talk-${round}-${index}` : null });
      });
      talks[kind].push(...(await Promise.all(talking)));
    }
    log(`round ${round} of ${ROUNDS[size]}`);
  }
  const of = (kind: "kept" | "loose", field: "reread" | "workers") => talks[kind].map((one) => one[field]);
  const firstTokens = (kind: "kept" | "loose") => talks[kind].flatMap(({ firstTokenMs }) => firstTokenMs);
  const most = Math.max(...of("kept", "reread"));
  const moved = of("kept", "workers").filter((workers) => workers > 1).length;
  return {
    redisVersion: await redisVersion(deployment.redis),
    figures: {
      conversations: talks.kept.length,
      turns: TURNS,
      reread_most: most,
      reread_mean: mean(of("kept", "reread")),
      reread_mean_without_session: mean(of("loose", "reread")),
      first_token_p50_ms: percentile(firstTokens("kept"), 0.5),
      first_token_p50_ms_without_session: percentile(firstTokens("loose"), 0.5),
    },
    claims: [
      {
        text: `of the prompt tokens of a conversation of ${TURNS} turns, the most that was read again: at most ${MOST_REREAD}`,
        value: most,
        passed: most <= MOST_REREAD,
      },
      { text: "conversations that changed their worker: none", value: moved, passed: moved === 0 },
    ],
  };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** @param first of its seeds, so that conversations differ */
async function talk(deployment: WholeDeployment, { first, session }: { first: number; session: string | null }): Promise<Talk> {
  const { keys } = createStore({ redis: deployment.redis, prefix: PREFIX });
  const messages: object[] = [];
  const turns: Job[] = [];
  const workers = new Set<string | null>();
  for (let turn = 0; turn < TURNS; turn++) {
    messages.push({ role: "user", content: QUESTIONS[(first + turn) % QUESTIONS.length] });
    const params = { max_tokens: MOST_TOKENS, temperature: 0.7, seed: first + turn };
    const job = await run(deployment, { messages, params, ...(session === null ? {} : { session_id: session }) });
    if (job.output === null || !("message" in job.output)) throw new Error(`a turn ended as ${job.status}`);
    messages.push(job.output.message);
    turns.push(job);
    workers.add(await deployment.redis.hget(keys.job(job.id), "worker"));
    await run(deployment, { prompt: "Classify the sentiment: I love it." });
  }
  const sum = (field: "prompt_tokens" | "cached_tokens") => turns.reduce((total, { usage }) => total + (usage?.[field] ?? 0), 0);
  return {
    reread: 1 - sum("cached_tokens") / sum("prompt_tokens"),
    workers: workers.size,
    firstTokenMs: turns.slice(1).map(({ timings }) => timings?.first_token_ms ?? Number.NaN),
  };
}

async function run({ url, ended }: WholeDeployment, body: object): Promise<Job> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`a job was answered with ${response.status}: ${await response.text()}`);
  return ended(jobSchema.parse(await response.json()).id);
}
