import type { LlamaContext, LlamaModel } from "node-llama-cpp";
import { ContextAdapters } from "./adapters.ts";
import { BatchStrategy } from "./batch-strategy.ts";
import { Beginnings } from "./beginnings.ts";
import { DEFAULT_BATCH_SIZE } from "./choose-batch.ts";
import { ContextGate } from "./context-gate.ts";
import type { AdapterFile } from "./model-files.ts";
import { type ContextParts, SequenceSlot } from "./sequence-slot.ts";
import { chooseThreadsPerStep } from "./step-threads.ts";

/** Prompt tokens in a step from which on it is computed with the threads for prompts. */
const PREFILL_STEP = 32;
/**
 * Tokens that all slots hold from which on decoding takes the threads for prompts too: attention is most of the work then. With
 * 8 slots of 1,050 tokens a step of 100M parameters takes 74 ms on one thread and 50 on two; with 8 of 100 one is as quick.
 */
const DEEP_STEP = 4_096;
/**
 * Tokens from which on a beginning is copied from another slot. A copy stops all slots of the context for a step, in which a GPU
 * computes hundreds of prompt tokens and a CPU tens.
 */
const WORTHWHILE_COPY = { cpu: 128, gpu: 512 };

export interface SlotContextOptions {
  slots: number;
  /** Tokens per sequence. */
  contextSize: number;
  threads: number;
  /** Threads that compute prompts. Default: as many as decode. */
  prefillThreads?: number | undefined;
  /** Tokens that one step computes at most. Default: 512. */
  batchSize?: number | undefined;
  /** Index of its first slot among all of the model's. */
  firstSlot: number;
  /** Which of the model's contexts it is. */
  group: number;
  /** Loaded for the model. Default: none. */
  adapters?: readonly AdapterFile[];
}

/** One llama.cpp context with its batching and its slots, for the life of the process. */
export class SlotContext {
  readonly context: LlamaContext;
  readonly strategy: BatchStrategy;
  readonly slots: readonly SequenceSlot[];

  private constructor(context: LlamaContext, strategy: BatchStrategy, slots: readonly SequenceSlot[]) {
    this.context = context;
    this.strategy = strategy;
    this.slots = slots;
  }

  static async open(model: LlamaModel, options: SlotContextOptions): Promise<SlotContext> {
    const { slots, contextSize, threads, prefillThreads = threads, batchSize = DEFAULT_BATCH_SIZE } = options;
    const gate = new ContextGate();
    const strategy = new BatchStrategy({ slots, paused: () => gate.closed });
    const context = await model.createContext({
      sequences: slots,
      contextSize,
      batchSize: Math.max(batchSize, slots),
      threads,
      batching: { itemPrioritizationStrategy: strategy.prioritize },
    });
    const all: SequenceSlot[] = [];
    const heldTokens = () => all.reduce((sum, slot) => (slot.isRunning ? sum + slot.sequence.nextTokenIndex : sum), 0);
    const isLong = () => strategy.prefillTokens >= PREFILL_STEP || heldTokens() >= DEEP_STEP;
    if (prefillThreads !== threads) chooseThreadsPerStep(context, () => (isLong() ? prefillThreads : threads));
    const worthwhileCopy = model.gpuLayers > 0 ? WORTHWHILE_COPY.gpu : WORTHWHILE_COPY.cpu;
    const adapters = new ContextAdapters(context, options.adapters ?? []);
    const parts: ContextParts = { strategy, gate, adapters, beginnings: new Beginnings(), slots: all, worthwhileCopy };
    for (let lane = 0; lane < slots; lane++) {
      const place = { index: options.firstSlot + lane, group: options.group, lane };
      all.push(new SequenceSlot(place, context.getSequence(), parts));
    }
    return new SlotContext(context, strategy, all);
  }

  dispose(): Promise<void> {
    return this.context.dispose();
  }
}

/** How a model's slots lie: side by side in several contexts, what one waits for is overlapped by the others' work. */
export interface Layout {
  contexts: number;
  /** Threads that decode, per context. */
  threads: number;
  /** Threads that compute prompts, per context. Default: as many as decode. */
  prefillThreads?: number | undefined;
  /** Tokens that one step computes at most. Default: 512. */
  batchSize?: number | undefined;
}

/**
 * Opens the contexts of a layout with the slots spread evenly over them.
 * When one does not fit into memory, those before it are closed again.
 */
export async function openLayout(
  model: LlamaModel,
  layout: Layout,
  shape: { slots: number; contextSize: number },
  adapters: readonly AdapterFile[] = [],
): Promise<SlotContext[]> {
  const contexts = Math.min(layout.contexts, shape.slots);
  const opened: SlotContext[] = [];
  try {
    for (let group = 0, firstSlot = 0; group < contexts; group++) {
      const slots = Math.floor(shape.slots / contexts) + (group < shape.slots % contexts ? 1 : 0);
      const { threads, prefillThreads, batchSize } = layout;
      const place = { firstSlot, group, adapters };
      const options = { slots, contextSize: shape.contextSize, threads, prefillThreads, batchSize, ...place };
      opened.push(await SlotContext.open(model, options));
      firstSlot += slots;
    }
    return opened;
  } catch (error) {
    for (const context of opened) await context.dispose();
    throw error;
  }
}
