import { setTimeout as pause } from "node:timers/promises";
import type { Job } from "@llamero/core";
import { type Random, seededRandom } from "@llamero/testkit";
import { percentile } from "../engine/statistics.ts";
import { benchModel } from "../models/bench-model.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";
import { openResumeDeployment, type Read, type ResumeDeployment } from "./resume-deployment.ts";
import { type ChosenPrompt, choosePrompts, paramsOf } from "./resume-prompts.ts";

interface Sizes {
  candidates: number;
  generations: number;
  slots: number;
  tokens: number;
}

const FULL: Sizes = { candidates: 64, generations: 200, slots: 8, tokens: 400 };
const QUICK: Sizes = { candidates: 8, generations: 8, slots: 4, tokens: 200 };
/** So many of a generation's last tokens no worker dies at: it might be through before it is dead. */
const SPARED_TOKENS = 100;
/** A worker stores tokens that nobody follows this often, in milliseconds. */
const STORED_EVERY_MS = 250;
const LEAST_CHOSEN = 0.8;
const MOST_TWICE = 64;
/** How often an interrupted job is looked at, in milliseconds: as exact as recovery is measured. */
const LOOK_EVERY_MS = 20;
const LONGEST_RECOVERY_MS = 5_000;

interface Generation {
  prompt: ChosenPrompt;
  job: Job;
  read: Read;
  ordinals: string[];
  storedTokens: number;
  /** How many tokens of it were decoded more than once, per death. */
  twice: number;
  /** From its worker's death, or from when another was there if that was later, until it ran again. */
  recoveryMs: number;
}

/** A job's worker dies, another one goes on: nothing that a reader has seen changes, is missing or comes twice. */
export async function proveResume({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const sizes = isQuick ? QUICK : FULL;
  const path = await benchModel("tiny");
  const chosen = await choosePrompts({ path, seed, ...sizes });
  log(`${chosen.length} of ${sizes.candidates} prompts are answered alike alone and in a full batch`);
  await using deployment = await openResumeDeployment(path, sizes.slots);
  const generations = await killAndResume(deployment, chosen, sizes, { random: seededRandom(seed), log });
  return findings(sizes, chosen, generations, await redisVersion(deployment.redis));
}

/** Waves of jobs that fill one worker, which dies somewhere in them and leaves them to the next one. */
async function killAndResume(
  deployment: ResumeDeployment,
  chosen: readonly ChosenPrompt[],
  sizes: Sizes,
  { random, log }: { random: Random; log: ProofOptions["log"] },
): Promise<Generation[]> {
  const generations: Generation[] = [];
  let worker = await deployment.startWorker();
  for (let wave = 0; generations.length < sizes.generations; wave++) {
    const prompts = Array.from({ length: sizes.slots }, () => random.pick(chosen as [ChosenPrompt, ...ChosenPrompt[]]));
    const ids = await Promise.all(prompts.map(({ text }) => deployment.submit(text, paramsOf(sizes.tokens))));
    // Who is followed stores tokens more often. The others are read when they have ended.
    const isFollowed = wave % 2 === 0;
    const following = isFollowed ? ids.map((id) => deployment.read(id)) : null;
    for (const id of ids) await deployment.until(id, (job) => job.attempts > 0);
    const next = deployment.startWorker().then((started) => ({ started, atMs: performance.now() }));
    const dyingAt = 1 + random.below(sizes.tokens - SPARED_TOKENS);
    await deployment.until(random.pick(ids as [string, ...string[]]), (job) => job.progress.completion_tokens >= dyingAt);
    // A foreseen wait, not for an event: tokens show when they are stored, and it is between two such moments that they are lost.
    await pause(random.below(STORED_EVERY_MS));
    await worker.kill();
    const killedAtMs = performance.now();
    const { started, atMs } = await next;
    worker = started;
    const since = Math.max(killedAtMs, atMs);
    const recoveries = await Promise.all(ids.map((id) => untilRunning(deployment, id, since)));
    const jobs = await Promise.all(ids.map((id) => deployment.ended(id)));
    const reads = await Promise.all(following ?? ids.map((id) => deployment.read(id)));
    const decoded = await deployment.decoded();
    for (const [index, job] of jobs.entries()) {
      const [prompt, read] = [prompts[index], reads[index]];
      if (prompt === undefined || read === undefined) throw new Error("a job without a prompt");
      const { ordinals, tokens } = await deployment.stored(job.id);
      const twice = ((decoded.get(job.id) ?? 0) - tokens) / Math.max(1, job.attempts - 1);
      const recoveryMs = recoveries[index] ?? Number.NaN;
      generations.push({ prompt, job, read, ordinals, storedTokens: tokens, twice, recoveryMs });
    }
    log(
      `${generations.length} of ${sizes.generations} generations, the last ones resumed from ${jobs.map((job) => job.resumed_from)}`,
    );
  }
  return generations;
}

/** How long after a time a job's next attempt began, in milliseconds. */
async function untilRunning(deployment: ResumeDeployment, id: string, since: number): Promise<number> {
  while ((await deployment.get(id)).attempts < 2) await pause(LOOK_EVERY_MS);
  return performance.now() - since;
}

function findings(sizes: Sizes, chosen: readonly ChosenPrompt[], all: readonly Generation[], version: string): Findings {
  const none = (text: string, isSo: (generation: Generation) => boolean) => {
    const value = all.filter(isSo).length;
    return { text, value, passed: value === 0 };
  };
  const textOf = ({ output }: Job) => (output !== null && "text" in output ? output.text : null);
  const share = chosen.length / sizes.candidates;
  const twice = all.map((generation) => generation.twice);
  const most = Math.max(...twice);
  const recovery = (at: number) =>
    percentile(
      all.map(({ recoveryMs }) => recoveryMs),
      at,
    );
  return {
    redisVersion: version,
    figures: {
      generations: all.length,
      tokens: sizes.tokens,
      slots: sizes.slots,
      candidate_prompts: sizes.candidates,
      chosen_prompts: chosen.map(({ index }) => index),
      deaths: all.reduce((sum, { job }) => sum + job.attempts - 1, 0),
      resumed_from: all.map(({ job }) => job.resumed_from ?? 0),
      recovery_p50_ms: recovery(0.5),
      recovery_p99_ms: recovery(0.99),
      tokens_decoded_twice: twice,
      tokens_decoded_twice_mean: twice.reduce((sum, count) => sum + count, 0) / all.length,
    },
    claims: [
      {
        text: `share of prompts answered alike alone and in a full batch, at least ${LEAST_CHOSEN}`,
        value: share,
        passed: share >= LEAST_CHOSEN,
      },
      none(
        "generations that did not succeed, or whose worker did not die",
        ({ job }) => job.status !== "succeeded" || job.attempts < 2,
      ),
      none(
        "streams that differ from the final text, or were reset",
        ({ read, job }) => read.resets > 0 || read.text !== textOf(job),
      ),
      none("generations whose chunks are not numbered 1, 2, 3, …", ({ ordinals }) =>
        ordinals.some((k, index) => k !== `${index + 1}-0`),
      ),
      none(
        "generations whose tokens are not stored and counted once each",
        ({ job, storedTokens }) => storedTokens !== sizes.tokens || job.usage?.completion_tokens !== sizes.tokens,
      ),
      none("texts that differ from the uninterrupted ones", ({ prompt, job }) => textOf(job) !== prompt.answer),
      {
        text: `milliseconds until a dead worker's jobs run on another, p99: at most ${LONGEST_RECOVERY_MS}`,
        value: recovery(0.99),
        passed: recovery(0.99) <= LONGEST_RECOVERY_MS,
      },
      { text: `most tokens decoded twice per death, at most ${MOST_TWICE}`, value: most, passed: most <= MOST_TWICE },
    ],
  };
}
