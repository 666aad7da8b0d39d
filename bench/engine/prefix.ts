import type { EngineRuntime } from "@llamero/engine";
import { benchModel } from "../models/bench-model.ts";
import type { Findings } from "../prove/report.ts";
import { exactRequest, layoutTo, openEngine } from "./engine-alone.ts";
import { type EngineProofOptions, NO_REDIS } from "./engine-proof.ts";
import { Prompts } from "./prompts.ts";
import { median } from "./statistics.ts";

interface Sizes {
  model: string;
  jobs: number;
  shared: number;
  own: number;
  tokens: number;
  rounds: number;
  slots: number;
}

const FULL: Sizes = { model: "100m", jobs: 100, shared: 1_000, own: 50, tokens: 16, rounds: 3, slots: 8 };
const QUICK: Sizes = { model: "tiny", jobs: 12, shared: 400, own: 20, tokens: 4, rounds: 1, slots: 2 };
const LEAST_RATIO = 5;
/** Room for the beginning-of-text token, rounded as llama.cpp rounds contexts. */
const CONTEXT_STEP = 256;

interface Pass {
  seconds: number;
  /** Share of the prompt tokens that were not computed. */
  cachedShare: number;
}

let tasks = 0;

async function run(engine: EngineRuntime, prompts: readonly string[], tokens: number): Promise<Pass> {
  const startedAtMs = performance.now();
  const outcomes = await Promise.all(
    prompts.map((prompt) => engine.generate({ id: `prefix-${++tasks}`, ...exactRequest(prompt, tokens) }, () => {})),
  );
  const sum = (field: "prompt_tokens" | "cached_tokens") => outcomes.reduce((total, { usage }) => total + usage[field], 0);
  return { seconds: (performance.now() - startedAtMs) / 1_000, cachedShare: sum("cached_tokens") / sum("prompt_tokens") };
}

/**
 * Jobs that begin alike are computed from where they differ. Reuse is off when every job has a beginning of its own, of the same
 * length; the two take turns, and the shared beginning is another one in every round, so that its first computing counts.
 */
export async function provePrefix(options: EngineProofOptions): Promise<Findings> {
  const { isQuick, seed, log, gpu = "false", threads = isQuick ? 1 : null, contexts = isQuick ? 1 : null } = options;
  const sizes = isQuick ? QUICK : FULL;
  const path = await benchModel(options.model ?? sizes.model);
  const contextSize = Math.ceil((sizes.shared + sizes.own + sizes.tokens + 2) / CONTEXT_STEP) * CONTEXT_STEP;
  const prompts = await Prompts.of(path, seed);
  const own = () => prompts.words(sizes.own).trim();
  const list = (beginning: () => string) => Array.from({ length: sizes.jobs }, () => `${beginning()} ${own()}`);
  const passes: { on: Pass[]; off: Pass[] } = { on: [], off: [] };
  const engine = await openEngine({ path, slots: sizes.slots, contextSize, threads, contexts, gpu }, { onLog: layoutTo(log) });
  try {
    for (let round = 1; round <= sizes.rounds; round++) {
      const shared = prompts.words(sizes.shared);
      passes.on.push(
        await run(
          engine,
          list(() => shared),
          sizes.tokens,
        ),
      );
      passes.off.push(
        await run(
          engine,
          list(() => prompts.words(sizes.shared)),
          sizes.tokens,
        ),
      );
      log(
        `round ${round}: ${passes.on.at(-1)?.seconds.toFixed(1)} s with shared, ${passes.off.at(-1)?.seconds.toFixed(1)} s without`,
      );
    }
  } finally {
    await engine.close();
  }
  return findings(sizes, passes);
}

function findings(sizes: Sizes, { on, off }: { on: Pass[]; off: Pass[] }): Findings {
  const ratio = median(on.map((pass, round) => (off[round]?.seconds ?? Number.NaN) / pass.seconds));
  return {
    redisVersion: NO_REDIS,
    figures: {
      jobs: sizes.jobs,
      slots: sizes.slots,
      shared_tokens: sizes.shared,
      own_tokens: sizes.own,
      completion_tokens: sizes.tokens,
      seconds_on: median(on.map((pass) => pass.seconds)),
      seconds_off: median(off.map((pass) => pass.seconds)),
      cached_share_on: median(on.map((pass) => pass.cachedShare)),
      cached_share_off: median(off.map((pass) => pass.cachedShare)),
      ratio,
      seconds_on_by_round: on.map((pass) => pass.seconds),
      seconds_off_by_round: off.map((pass) => pass.seconds),
    },
    claims: [
      {
        text: `jobs that share ${sizes.shared} of ${sizes.shared + sizes.own} prompt tokens are done at least ${LEAST_RATIO} times as fast as jobs that share none`,
        value: ratio,
        passed: ratio >= LEAST_RATIO,
      },
    ],
  };
}
