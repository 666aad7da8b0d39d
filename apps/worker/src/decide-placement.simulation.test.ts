import { expect, test } from "vitest";
import { CLAIM_AFTER_MS, decidePlacement, MIN_STAY_MS, type PlacedView } from "./decide-placement.ts";

const TICK_MS = 500;
const SLOTS = 2;
const LOAD_MS = 4_000;
const MAX_JOB_MS = 8_000;
const MINUTES = 20;

/** Mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Simulated extends PlacedView {
  /** When the jobs that wait arrived. */
  queue: number[];
  /** When the jobs that run end. */
  running: number[];
  /** Jobs a second; some models get more than they can do. */
  rate: number;
  loadedAtMs: number;
  loads: number;
}

/** A worker with models of random sizes and loads, on a budget that does not hold them all. */
class Worker {
  readonly models: Simulated[];
  readonly budget: number;
  readonly #random: () => number;
  #now = 0;
  longestWithoutPlaceMs = 0;

  constructor(seed: number) {
    this.#random = random(seed);
    this.models = Array.from({ length: 2 + Math.floor(this.#random() * 4) }, (_, index) => ({
      name: `m${index}`,
      state: "unloaded",
      sizeBytes: 1 + Math.floor(this.#random() * 5),
      inHand: 0,
      waitingMs: null,
      isElsewhere: false,
      ...{ lastUsedAtMs: 0, placedAtMs: 0, loadTookMs: 0, retryAtMs: 0, loadedAtMs: 0, loads: 0 },
      ...{ queue: [], running: [], rate: this.#random() ** 3 },
    }));
    const sizes = this.models.map((model) => model.sizeBytes);
    this.budget = Math.max(...sizes, Math.floor(sizes.reduce((a, b) => a + b) / 2));
  }

  run(minutes: number, isArriving: boolean): void {
    for (const end = this.#now + minutes * 60_000; this.#now < end; this.#now += TICK_MS) {
      for (const model of this.models) this.#work(model, isArriving);
      this.#place();
    }
  }

  #work(model: Simulated, isArriving: boolean): void {
    const now = this.#now;
    if (isArriving && this.#random() < model.rate * (TICK_MS / 1_000)) model.queue.push(now);
    const before = model.running.length;
    model.running = model.running.filter((endsAt) => endsAt > now);
    if (model.state === "ready" && now >= model.loadedAtMs)
      for (; model.running.length < SLOTS && model.queue.length > 0; model.queue.shift())
        model.running.push(now + this.#random() * MAX_JOB_MS);
    if (before > 0 || model.running.length > 0) model.lastUsedAtMs = now;
    if (model.state === "draining" && model.running.length === 0) Object.assign(model, { state: "unloaded", placedAtMs: now });
    model.inHand = model.running.length;
    model.waitingMs = model.queue[0] === undefined ? null : now - model.queue[0];
    if (model.state === "unloaded" && model.waitingMs !== null)
      this.longestWithoutPlaceMs = Math.max(this.longestWithoutPlaceMs, Math.min(model.waitingMs, now - model.placedAtMs));
  }

  #place(): void {
    const now = this.#now;
    if (this.models.some((model) => model.state === "ready" && now < model.loadedAtMs)) return;
    const placing = decidePlacement(this.models, this.budget, now);
    if (placing === null) return;
    const model = this.models.find(({ name }) => name === ("load" in placing ? placing.load : placing.unload));
    if (model === undefined) throw new Error("no such model");
    if ("load" in placing) {
      expect(model.state).toBe("unloaded");
      const loadedAtMs = now + LOAD_MS;
      Object.assign(model, { state: "ready", placedAtMs: loadedAtMs, loadedAtMs, loadTookMs: LOAD_MS, loads: model.loads + 1 });
    } else {
      expect(model.state).toBe("ready");
      if (model.inHand > 0 || model.waitingMs !== null) expect(now - model.placedAtMs).toBeGreaterThanOrEqual(MIN_STAY_MS);
      model.state = "draining";
    }
    const held = this.models.filter(({ state }) => state !== "unloaded").reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(held).toBeLessThanOrEqual(this.budget);
  }
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))(
  "seed %d: within the budget, no model starves, none is moved about, and every job runs in the end",
  (seed) => {
    const worker = new Worker(seed);
    worker.run(MINUTES, true);
    // Each of the others may go first, and each stays for its time, ends its jobs and makes room for a load.
    const turnMs = Math.max(CLAIM_AFTER_MS, MIN_STAY_MS) + MAX_JOB_MS + LOAD_MS + 2 * TICK_MS;
    expect(worker.longestWithoutPlaceMs).toBeLessThanOrEqual(worker.models.length * turnMs);
    // A model is loaded at most as often as it can stay for as long as it takes to load.
    for (const { loads } of worker.models) expect(loads).toBeLessThan((MINUTES * 60_000) / (2 * LOAD_MS));
    worker.run(120, false);
    expect(worker.models.map(({ queue, running }) => queue.length + running.length)).toEqual(worker.models.map(() => 0));
  },
);
