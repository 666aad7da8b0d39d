import { setTimeout as delay } from "node:timers/promises";
import type { LlamaModel, Token } from "node-llama-cpp";
import type { SequenceSlot } from "./sequence-slot.ts";
import { type Layout, openLayout } from "./slot-context.ts";

/** Time that one layout is measured for; a large model's steps are longer, and it gets fewer of them. */
const BUDGET_MS = 300;
const MIN_TOKENS_PER_SLOT = 3;
/** Between two looks at the meter: rare enough not to compete with what is measured. */
const LOOK_MS = 10;
const CONTEXT_SIZE = 256;
/** Prompt tokens computed in one go to measure how fast prompts are: what a slot computes between two looks at a stop signal. */
const PREFILL_TOKENS = 64;
const PREFILL_PASSES = 3;
/** Prompt and completion together stay within the context. */
const MAX_TOKENS_PER_SLOT = CONTEXT_SIZE - 8;

interface Meter {
  tokens: number;
  isOver: boolean;
}

/** One slot's loop, as a generation runs it: decode, sample, come back. */
async function generate(slot: SequenceSlot, meter: Meter): Promise<void> {
  slot.setRunning(true);
  let count = 0;
  const options = { temperature: 0, seed: 1 };
  await slot.generate([1 as Token], { options, seed: null, remembered: [] }, () => {
    meter.tokens++;
    if (++count >= MAX_TOKENS_PER_SLOT) meter.isOver = true;
    return !meter.isOver;
  });
  slot.setRunning(false);
}

/** Completion tokens/s of a layout with every slot busy, measured with the very loop that jobs run in. */
export async function measureLayout(model: LlamaModel, layout: Layout, slots: number): Promise<number> {
  const contexts = await openLayout(model, layout, { slots, contextSize: CONTEXT_SIZE });
  try {
    const all = contexts.flatMap((context) => context.slots);
    const meter: Meter = { tokens: 0, isOver: false };
    const loops = all.map((slot) => generate(slot, meter));
    // The first steps pay for the first touch of weights and buffers.
    while (meter.tokens < slots && !meter.isOver) await delay(LOOK_MS);
    const [startedAtMs, startTokens] = [performance.now(), meter.tokens];
    const enough = () =>
      performance.now() - startedAtMs >= BUDGET_MS && meter.tokens - startTokens >= slots * MIN_TOKENS_PER_SLOT;
    while (!meter.isOver && !enough()) await delay(LOOK_MS);
    meter.isOver = true;
    const rate = (meter.tokens - startTokens) / ((performance.now() - startedAtMs) / 1000);
    await Promise.all(loops);
    return rate;
  } finally {
    for (const context of contexts) await context.dispose();
  }
}

/** Prompt tokens/s of a context with so many threads: the best of a few passes, since the first one touches the buffers. */
export async function measurePrefill(model: LlamaModel, threads: number): Promise<number> {
  const [context] = await openLayout(model, { contexts: 1, threads }, { slots: 1, contextSize: CONTEXT_SIZE });
  const [slot] = context?.slots ?? [];
  if (context === undefined || slot === undefined) return 0;
  try {
    let best = 0;
    for (let pass = 0; pass < PREFILL_PASSES; pass++) {
      const startedAtMs = performance.now();
      await slot.compute(new Array<Token>(PREFILL_TOKENS).fill(1 as Token));
      best = Math.max(best, PREFILL_TOKENS / ((performance.now() - startedAtMs) / 1000));
    }
    return best;
  } finally {
    await context.dispose();
  }
}
