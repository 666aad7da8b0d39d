import { setTimeout as pause } from "node:timers/promises";
import type { GenerateOutcome } from "@llamero/core";
import type { EngineRuntime } from "@llamero/engine";
import { benchModel } from "../models/bench-model.ts";
import type { Claim, Findings } from "../prove/report.ts";
import { exactRequest, openEngine } from "./engine-alone.ts";
import { type EngineProofOptions, NO_REDIS } from "./engine-proof.ts";
import { usageOf } from "./process-usage.ts";
import { Prompts } from "./prompts.ts";
import { percentile } from "./statistics.ts";

interface Sizes {
  model: string;
  cancels: number;
  slots: number;
  /** Longest prompt; lengths are random, so that some jobs are stopped while their prompt is computed. */
  prompt: number;
  tokens: number;
}

const FULL: Sizes = { model: "15m", cancels: 1_000, slots: 8, prompt: 512, tokens: 500 };
const QUICK: Sizes = { model: "tiny", cancels: 40, slots: 2, prompt: 200, tokens: 200 };
const CONTEXT = 1_024;
/** Jobs are stopped after a random time up to this, in milliseconds. */
const LONGEST_LIFE_MS = 300;
const MOST_P99_MS = 100;
/** Memory may grow by as much over the second half of the cancels. */
const MOST_GROWTH = 0.05;
const BRIEF_TOKENS = 4;

interface Course {
  engine: EngineRuntime;
  prompts: Prompts;
  sizes: Sizes;
}

interface Cancelled {
  /** From the call to the outcome that says the slot is free. */
  freedMs: number;
  outcome: GenerateOutcome;
}

let tasks = 0;

async function cancelOne({ engine, prompts, sizes }: Course): Promise<Cancelled> {
  const id = `cancel-${++tasks}`;
  const prompt = prompts.words(1 + prompts.below(sizes.prompt));
  const lifeMs = prompts.below(LONGEST_LIFE_MS);
  const running = engine.generate({ id, ...exactRequest(prompt, sizes.tokens) }, () => {});
  // A foreseen wait, not for an event: when a job is stopped is to be random.
  await pause(lifeMs);
  const stoppedAtMs = performance.now();
  engine.stop(id, "cancelled");
  const outcome = await running;
  return { freedMs: performance.now() - stoppedAtMs, outcome };
}

/** As many jobs as slots, each stopped at a random time and followed by another. */
async function cancelMany(course: Course, count: number): Promise<Cancelled[]> {
  const cancelled: Cancelled[] = [];
  let left = count;
  const client = async () => {
    while (left-- > 0) cancelled.push(await cancelOne(course));
  };
  await Promise.all(Array.from({ length: course.sizes.slots }, client));
  return cancelled;
}

/** Slots that take a job at once: each job waits for the others' first token before it goes on. */
async function usableSlots({ engine, prompts, sizes }: Course): Promise<number> {
  let started = 0;
  const all = Array.from({ length: sizes.slots }, async () => {
    const id = `slot-${++tasks}`;
    const first = Promise.withResolvers<void>();
    const running = engine.generate({ id, ...exactRequest(prompts.words(BRIEF_TOKENS), sizes.tokens) }, () => first.resolve());
    await first.promise;
    started++;
    return { id, running };
  });
  const begun = await Promise.all(all);
  for (const { id } of begun) engine.stop(id, "cancelled");
  const outcomes = await Promise.all(begun.map(({ running }) => running));
  return outcomes.every((outcome) => outcome.finishReason === "cancelled") ? started : 0;
}

/** Cancelling frees a slot at once, whatever the job is doing, and leaves neither slot nor memory behind. */
export async function proveCancel(options: EngineProofOptions): Promise<Findings> {
  const { isQuick, seed, log, gpu = "false", threads = isQuick ? 1 : null, contexts = isQuick ? 1 : null } = options;
  const sizes = isQuick ? QUICK : FULL;
  const path = await benchModel(options.model ?? sizes.model);
  const engine = await openEngine({ path, slots: sizes.slots, contextSize: CONTEXT, threads, contexts, gpu });
  const course = { engine, prompts: await Prompts.of(path, seed), sizes };
  try {
    const first = await cancelMany(course, sizes.cancels / 2);
    const before = (await usageOf([engine.pid])).rssBytes;
    log(`${first.length} cancels done`);
    const second = await cancelMany(course, sizes.cancels / 2);
    const after = (await usageOf([engine.pid])).rssBytes;
    const slots = await usableSlots(course);
    return findings(sizes, [...first, ...second], { before, after, slots });
  } finally {
    await engine.close();
  }
}

function findings(sizes: Sizes, all: readonly Cancelled[], left: { before: number; after: number; slots: number }): Findings {
  const freed = all.map((one) => one.freedMs);
  const p99 = percentile(freed, 0.99);
  const growth = left.after / left.before - 1;
  const duringPrefill = all.filter(({ outcome }) => outcome.usage.completion_tokens === 0).length;
  const claims: Claim[] = [
    { text: `a slot is free within ${MOST_P99_MS} ms of the cancel (p99)`, value: p99, passed: p99 <= MOST_P99_MS },
    { text: `all ${sizes.slots} slots take jobs afterwards`, value: left.slots, passed: left.slots === sizes.slots },
    { text: `memory grows by at most ${MOST_GROWTH} over the second half`, value: growth, passed: growth <= MOST_GROWTH },
  ];
  return {
    redisVersion: NO_REDIS,
    figures: {
      cancels: all.length,
      cancelled_during_prefill: duringPrefill,
      slots: sizes.slots,
      longest_prompt_tokens: sizes.prompt,
      freed_p50_ms: percentile(freed, 0.5),
      freed_p99_ms: p99,
      freed_max_ms: percentile(freed, 1),
      rss_mib_half: left.before / 2 ** 20,
      rss_mib_end: left.after / 2 ** 20,
    },
    claims,
  };
}
