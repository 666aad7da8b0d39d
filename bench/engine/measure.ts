import type { BenchJob, Contestant, JobTrace } from "./contestant.ts";
import type { Prompts } from "./prompts.ts";
import { startSampler } from "./sampler.ts";
import { growth } from "./statistics.ts";
import { steadyWindow, tokensWithin } from "./steady-window.ts";

export interface Load {
  slots: number;
  promptTokens: number;
  /** Tokens that each job makes. */
  tokens: number;
  /** Jobs per slot after the warm-up. */
  waves: number;
}

/** One contestant under one load, once. */
export interface Measurement {
  tokensPerSecond: number;
  /** Milliseconds from slot to first token, of jobs that started within the window. */
  firstTokenMs: number[];
  cpuSecondsPer1000Tokens: number | null;
  /** CPU time of the main thread that the tokens pass through: what JavaScript costs. */
  loopMicrosecondsPerToken: number | null;
  peakRssBytes: number;
  /** Share of the slots that took part in a decode step on average; null where nothing counts it. */
  batchOccupancy: number | null;
  windowSeconds: number;
}

/** Words that a calibrating prompt has. */
const PROBE_WORDS = 8;

/** Tokens that a contestant puts before a prompt: the beginning of text, mostly. */
export async function addedTokens(contestant: Contestant, prompts: Prompts): Promise<number> {
  const probe = { id: `probe-${contestant.name.replaceAll(" ", "-")}`, prompt: prompts.words(PROBE_WORDS), maxTokens: 2 };
  const { promptTokens } = await Promise.race([contestant.run(probe), contestant.failed]);
  return promptTokens - PROBE_WORDS;
}

let jobs = 0;

/** Hands jobs over in their order, `inFlight` at a time. */
async function runAll(
  contestant: Contestant,
  list: readonly BenchJob[],
  onTrace: (trace: JobTrace) => void,
): Promise<JobTrace[]> {
  const traces: JobTrace[] = [];
  const left = list.values();
  const client = async () => {
    for (const job of left) {
      const trace = await contestant.run(job);
      onTrace(trace);
      traces[list.indexOf(job)] = trace;
    }
  };
  const clients = Promise.all(Array.from({ length: contestant.inFlight }, client));
  await Promise.race([clients, contestant.failed]);
  return traces;
}

/** Checks that a contestant did the work it was given, all of it. */
function checker(contestant: Contestant, { promptTokens }: Load, expected: Set<number>): (trace: JobTrace) => void {
  return (trace) => {
    if (trace.promptTokens === promptTokens && expected.has(trace.completionTokens)) return;
    const { promptTokens: read, completionTokens: made } = trace;
    throw new Error(`${contestant.name} read ${read} tokens instead of ${promptTokens}, or made a wrong number: ${made}`);
  };
}

/**
 * Keeps every slot busy and measures what comes out. The first job of each slot is cut to another length, so that slots are at
 * different points of their jobs afterwards, as they are under a steady load.
 */
export async function measure(contestant: Contestant, load: Load, prompts: Prompts, added: number): Promise<Measurement> {
  const { slots, tokens, waves } = load;
  const newJob = (maxTokens: number): BenchJob => ({
    id: `bench-${++jobs}`,
    prompt: prompts.words(load.promptTokens - added),
    maxTokens,
  });
  const warmUp = Array.from({ length: slots }, (_, slot) => newJob(Math.ceil((tokens * (slot + 1)) / slots)));
  const counted = Array.from({ length: slots * waves }, () => newJob(tokens));
  const lengths = new Set([...warmUp, ...counted].map((job) => job.maxTokens));
  const sampler = await startSampler(contestant);
  const traces = await runAll(contestant, [...warmUp, ...counted], checker(contestant, load, lengths)).finally(sampler.stop);
  const samples = await sampler.stop();

  const window = steadyWindow(traces.slice(0, slots), traces.slice(slots));
  const windowSeconds = (window.toMs - window.fromMs) / 1_000;
  const produced = tokensWithin(traces, window);
  const cpuSeconds = growth(samples.cpuSeconds, window.fromMs, window.toMs);
  const capacity = growth(samples.capacity, window.fromMs, window.toMs);
  const decoded = growth(samples.occupied, window.fromMs, window.toMs);
  const loopSeconds = growth(samples.loopSeconds, window.fromMs, window.toMs);
  const within = traces.filter(({ startedAtMs }) => startedAtMs >= window.fromMs && startedAtMs < window.toMs);
  return {
    tokensPerSecond: produced / windowSeconds,
    firstTokenMs: within.map((trace) => trace.firstTokenAtMs - trace.startedAtMs),
    cpuSecondsPer1000Tokens: cpuSeconds === null ? null : (cpuSeconds / produced) * 1_000,
    loopMicrosecondsPerToken: loopSeconds === null ? null : (loopSeconds / produced) * 1e6,
    peakRssBytes: samples.peakRssBytes,
    batchOccupancy: capacity === null || decoded === null || capacity === 0 ? null : decoded / capacity,
    windowSeconds,
  };
}
