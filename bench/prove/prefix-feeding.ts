import type { Job } from "@llamero/core";
import { Prompts } from "../engine/prompts.ts";
import { median } from "../engine/statistics.ts";
import { benchModel } from "../models/bench-model.ts";
import { Callers, keysOf } from "./callers.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";
import { MODEL } from "./store-door.ts";
import { openWholeDeployment } from "./whole-deployment.ts";

interface Sizes {
  model: string;
  slots: number;
  /** Common beginnings, each of so many tokens; they arrive in turns. */
  groups: number;
  shared: number;
  own: number;
  tokens: number;
  /** Of each of two callers. */
  jobs: number;
  rounds: number;
}

const FULL: Sizes = { model: "15m", slots: 4, groups: 4, shared: 600, own: 20, tokens: 16, jobs: 200, rounds: 3 };
const QUICK: Sizes = { model: "tiny", slots: 2, groups: 2, shared: 300, own: 10, tokens: 8, jobs: 12, rounds: 1 };
const CALLERS = ["one", "two"] as const;
const WORKERS = 2;
/** Jobs that are fed for each slot (lua/window.lua). */
const WINDOW_PER_SLOT = 2;
const LEAST_FACTOR = 1.2;
const MOST_LOSS = 1.05;
const MOST_UNFAIR = 0.05;
/** Room for the beginning-of-text token, rounded as llama.cpp rounds contexts. */
const CONTEXT_STEP = 256;

interface Pass {
  seconds: number;
  /** Share of the prompt tokens that were not computed. */
  cachedShare: number;
  /** The first caller's, of the tokens of a half of the jobs: those that started first, but for what was fed before both had queued theirs. */
  share: number;
}

/** What a load is made of: a prompt for each job of each caller. */
type Load = Record<(typeof CALLERS)[number], string[]>;

/** Jobs with a common beginning go to the worker that has it in its cache: the same loads with and without that, in turns. */
export async function provePrefixFeeding({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const sizes = isQuick ? QUICK : FULL;
  const path = await benchModel(sizes.model);
  const prompts = await Prompts.of(path, seed);
  const passes = { aware: [] as Pass[], blind: [] as Pass[], awareAlone: [] as Pass[], blindAlone: [] as Pass[] };
  let version = "";
  const run = async (load: Load, isAware: boolean) => {
    const { pass, redis } = await runLoad(load, { sizes, path, seed, isAware });
    version = redis;
    return pass;
  };
  for (let round = 1; round <= sizes.rounds; round++) {
    const [common, alone] = [commonLoad(prompts, sizes), aloneLoad(prompts, sizes)];
    // Whichever goes first in one round goes second in the next.
    for (const isAware of round % 2 === 1 ? [true, false] : [false, true]) {
      passes[isAware ? "aware" : "blind"].push(await run(common, isAware));
      passes[isAware ? "awareAlone" : "blindAlone"].push(await run(alone, isAware));
    }
    log(
      `round ${round}: ${Object.entries(passes)
        .map(([name, of]) => `${name} ${of.at(-1)?.seconds.toFixed(1)} s`)
        .join(", ")}`,
    );
  }
  return { redisVersion: version, ...findings(sizes, passes) };
}

function findings(
  sizes: Sizes,
  { aware, blind, awareAlone, blindAlone }: Record<"aware" | "blind" | "awareAlone" | "blindAlone", Pass[]>,
): Omit<Findings, "redisVersion"> {
  const of = (field: keyof Pass, list: Pass[]) => list.map((pass) => pass[field]);
  const ratios = (upper: Pass[], lower: Pass[]) =>
    upper.map(({ seconds }, round) => seconds / (lower[round]?.seconds ?? Number.NaN));
  const [factors, losses] = [ratios(blind, aware), ratios(awareAlone, blindAlone)];
  const unfair = Math.max(...of("share", [...aware, ...awareAlone]).map((share) => Math.abs(share - 0.5)));
  return {
    figures: {
      jobs: sizes.jobs * CALLERS.length,
      groups: sizes.groups,
      slots_per_worker: sizes.slots,
      factor: median(factors),
      factors,
      cached_share: median(of("cachedShare", aware)),
      cached_share_blind: median(of("cachedShare", blind)),
      seconds: of("seconds", aware),
      seconds_blind: of("seconds", blind),
      seconds_nothing_common: of("seconds", awareAlone),
      seconds_nothing_common_blind: of("seconds", blindAlone),
      time_ratio_nothing_common: median(losses),
      share_of_first_caller: of("share", aware),
      share_of_first_caller_blind: of("share", blind),
    },
    claims: [
      {
        text: `times as fast as blind feeding, of jobs that share ${sizes.shared} of ${sizes.shared + sizes.own} tokens: at least ${LEAST_FACTOR}`,
        value: median(factors),
        passed: median(factors) >= LEAST_FACTOR,
      },
      {
        text: `the time of jobs that have nothing in common, as a part of what they take blindly fed: at most ${MOST_LOSS}`,
        value: median(losses),
        passed: median(losses) <= MOST_LOSS,
      },
      {
        text: `how far the shares of two like callers are from a half, while both wait: at most ${MOST_UNFAIR}`,
        value: unfair,
        passed: unfair <= MOST_UNFAIR,
      },
    ],
  };
}

function commonLoad(prompts: Prompts, { groups, shared, own, jobs }: Sizes): Load {
  const beginnings = Array.from({ length: groups }, () => prompts.words(shared));
  const list = () => Array.from({ length: jobs }, () => `${beginnings[prompts.below(groups)]} ${prompts.words(own).trim()}`);
  return { one: list(), two: list() };
}

/** As long in all, and with no beginning in common; every third is short. */
function aloneLoad(prompts: Prompts, { shared, own, jobs }: Sizes): Load {
  const length = Math.ceil(shared / 2) + own;
  const list = () => Array.from({ length: jobs }, (_, index) => prompts.words(index % 3 === 0 ? own : length));
  return { one: list(), two: list() };
}

interface Course {
  sizes: Sizes;
  path: string;
  seed: number;
  isAware: boolean;
}

/** Queues a load on two fresh workers, a thread each, and waits until all of it has ended. */
async function runLoad(load: Load, { sizes, path, seed, isAware }: Course): Promise<{ pass: Pass; redis: string }> {
  const { slots, shared, own, tokens, jobs } = sizes;
  const contextSize = Math.ceil((shared + own + tokens + 2) / CONTEXT_STEP) * CONTEXT_STEP;
  const worker = {
    LLAMERO_MODELS: `${MODEL}=${path}`,
    LLAMERO_GPU: "false",
    LLAMERO_THREADS: "1",
    LLAMERO_PARALLEL_CONTEXTS: "1",
    LLAMERO_SLOTS: String(slots),
    LLAMERO_CONTEXT: String(contextSize),
    LLAMERO_PREFIX_AWARE: String(isAware),
  };
  await using deployment = await openWholeDeployment(
    { LLAMERO_API_KEYS: keysOf(CALLERS) },
    Array.from({ length: WORKERS }, () => worker),
  );
  const callers = new Callers(deployment, seed);
  const startedAtMs = performance.now();
  const queued = CALLERS.map((caller) => {
    const bodies = load[caller].map((prompt) =>
      JSON.stringify({ type: "completion", prompt, params: { max_tokens: tokens, ignore_eos: true } }),
    );
    return callers.queue(caller, jobs, () => bodies.pop() ?? "");
  });
  await Promise.all(queued);
  await callers.untilEnded(CALLERS, jobs * CALLERS.length);
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const lists = await Promise.all(CALLERS.map((caller) => callers.list(caller, "succeeded")));
  return { pass: { seconds, ...figuresOf(lists, slots) }, redis: await redisVersion(deployment.redis) };
}

function figuresOf(lists: readonly Job[][], slots: number): Pick<Pass, "cachedShare" | "share"> {
  const jobs = lists.flatMap((list, caller) => list.map((job) => ({ job, caller })));
  const sum = (of: readonly { job: Job }[], field: "prompt_tokens" | "cached_tokens" | "total_tokens") =>
    of.reduce((total, { job }) => total + (job.usage?.[field] ?? 0), 0);
  const startedAt = ({ job }: { job: Job }) => Date.parse(job.started_at ?? "");
  const window = WORKERS * slots * WINDOW_PER_SLOT;
  const first = jobs.toSorted((a, b) => startedAt(a) - startedAt(b)).slice(window, window + jobs.length / 2);
  return {
    cachedShare: sum(jobs, "cached_tokens") / sum(jobs, "prompt_tokens"),
    share:
      sum(
        first.filter(({ caller }) => caller === 0),
        "total_tokens",
      ) / sum(first, "total_tokens"),
  };
}
