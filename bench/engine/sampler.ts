import { setTimeout as pause } from "node:timers/promises";
import { type Contestant, nowMs } from "./contestant.ts";
import { mainThreadSeconds, usageOf, withDescendants } from "./process-usage.ts";
import type { Point } from "./statistics.ts";

/** Often enough to read a window of many seconds, seldom enough to cost nothing. */
const SAMPLE_MS = 1_000;

export interface Samples {
  cpuSeconds: Point[];
  occupied: Point[];
  capacity: Point[];
  /** CPU time of the main thread that the tokens pass through. */
  loopSeconds: Point[];
  peakRssBytes: number;
}

/** Reads a contestant's counters and its processes' use of the machine until it is stopped. */
export async function startSampler(contestant: Contestant): Promise<{ stop(): Promise<Samples> }> {
  const pids = await withDescendants(contestant.pids);
  const samples: Samples = { cpuSeconds: [], occupied: [], capacity: [], loopSeconds: [], peakRssBytes: 0 };
  const ended = new AbortController();
  const sample = async () => {
    const [usage, counters] = await Promise.all([usageOf(pids), contestant.counters()]);
    const atMs = nowMs();
    samples.cpuSeconds.push({ atMs, value: usage.cpuSeconds });
    samples.peakRssBytes = Math.max(samples.peakRssBytes, usage.rssBytes);
    const loopSeconds = contestant.loopPid === null ? null : await mainThreadSeconds(contestant.loopPid);
    if (loopSeconds !== null) samples.loopSeconds.push({ atMs, value: loopSeconds });
    if (counters === null) return;
    samples.occupied.push({ atMs, value: counters.occupied });
    samples.capacity.push({ atMs, value: counters.capacity });
  };
  const loop = async () => {
    while (!ended.signal.aborted) {
      await sample();
      await pause(SAMPLE_MS, undefined, { signal: ended.signal }).catch(() => {});
    }
    await sample();
  };
  const looping = loop();
  looping.catch(() => {});
  return {
    stop: async () => {
      ended.abort();
      await looping;
      return samples;
    },
  };
}
