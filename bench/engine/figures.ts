import type { Cell } from "./compare.ts";
import type { Measurement } from "./measure.ts";
import { median, percentile } from "./statistics.ts";

/** One contestant under one load: medians over the rounds, first-token times over all their jobs. */
export interface Figures {
  contestant: string;
  /** Contexts and threads, in words. */
  layout: string;
  slots: number;
  prompt_tokens: number;
  tokens: number;
  tokens_per_s: number;
  tokens_per_s_by_round: number[];
  batch_occupancy: number | null;
  first_token_p50_ms: number;
  first_token_p99_ms: number;
  cpu_s_per_1000_tokens: number | null;
  /** Of the main thread of the process that makes the tokens, of Node's contestants. */
  loop_us_per_token: number | null;
  peak_rss_mib: number;
  window_s: number;
}

export interface Ratio {
  slots: number;
  prompt_tokens: number;
  /** `engine / llama-server` and the like: median of the rounds' quotients. */
  name: string;
  value: number;
}

/** What is set against what. */
const comparisons = [
  ["engine", "node-llama-cpp"],
  ["engine", "llama-server"],
  ["whole path", "engine"],
  ["whole path", "llama-server"],
] as const;

function medianOf(rounds: readonly Measurement[], value: (round: Measurement) => number | null): number | null {
  const values = rounds.map(value).filter((number) => number !== null);
  return values.length === 0 ? null : median(values);
}

/** The figures of one load, a line per contestant. */
export function figuresOf({ load, rounds, layouts }: Cell): Figures[] {
  return [...rounds].map(([contestant, list]) => {
    const firstTokenMs = list.flatMap((round) => round.firstTokenMs);
    return {
      contestant,
      layout: layouts.get(contestant) ?? "",
      slots: load.slots,
      prompt_tokens: load.promptTokens,
      tokens: load.tokens,
      tokens_per_s: median(list.map((round) => round.tokensPerSecond)),
      tokens_per_s_by_round: list.map((round) => round.tokensPerSecond),
      batch_occupancy: medianOf(list, (round) => round.batchOccupancy),
      first_token_p50_ms: percentile(firstTokenMs, 0.5),
      first_token_p99_ms: percentile(firstTokenMs, 0.99),
      cpu_s_per_1000_tokens: medianOf(list, (round) => round.cpuSecondsPer1000Tokens),
      loop_us_per_token: medianOf(list, (round) => round.loopMicrosecondsPerToken),
      peak_rss_mib: Math.max(...list.map((round) => round.peakRssBytes)) / 2 ** 20,
      window_s: median(list.map((round) => round.windowSeconds)),
    };
  });
}

/** Quotients within a round, whose two sides had the machine in the same state; then their median. */
export function ratiosOf({ load, rounds }: Cell): Ratio[] {
  return comparisons.flatMap(([name, base]) => {
    const [mine, theirs] = [rounds.get(name), rounds.get(base)];
    if (mine === undefined || theirs === undefined) return [];
    const both = mine.slice(0, theirs.length);
    const quotients = both.map((round, index) => round.tokensPerSecond / (theirs[index]?.tokensPerSecond ?? Number.NaN));
    return [{ slots: load.slots, prompt_tokens: load.promptTokens, name: `${name} / ${base}`, value: median(quotients) }];
  });
}
