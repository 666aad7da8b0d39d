import type { LlamaContext, LlamaModel } from "node-llama-cpp";
import { BatchStrategy } from "./batch-strategy.ts";
import { ContextGate } from "./context-gate.ts";
import { SequenceSlot } from "./sequence-slot.ts";

/** Tokens that one step computes at most: llama.cpp's default. */
export const BATCH_SIZE = 512;

export interface SlotContextOptions {
  slots: number;
  /** Tokens per sequence. */
  contextSize: number;
  threads: number;
  /** Index of its first slot among all of the model's. */
  firstSlot: number;
  /** Which of the model's contexts it is. */
  group: number;
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

  static async open(
    model: LlamaModel,
    { slots, contextSize, threads, firstSlot, group }: SlotContextOptions,
  ): Promise<SlotContext> {
    const gate = new ContextGate();
    const strategy = new BatchStrategy({ slots, paused: () => gate.closed });
    const context = await model.createContext({
      sequences: slots,
      contextSize,
      batchSize: BATCH_SIZE,
      threads,
      batching: { itemPrioritizationStrategy: strategy.prioritize },
    });
    const places = Array.from({ length: slots }, (_, lane) => ({ index: firstSlot + lane, group, lane }));
    return new SlotContext(
      context,
      strategy,
      places.map((place) => new SequenceSlot(place, context.getSequence(), strategy, gate)),
    );
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
}

/**
 * Opens the contexts of a layout with the slots spread evenly over them.
 * When one does not fit into memory, those before it are closed again.
 */
export async function openLayout(
  model: LlamaModel,
  layout: Layout,
  shape: { slots: number; contextSize: number },
): Promise<SlotContext[]> {
  const contexts = Math.min(layout.contexts, shape.slots);
  const opened: SlotContext[] = [];
  try {
    for (let group = 0, firstSlot = 0; group < contexts; group++) {
      const slots = Math.floor(shape.slots / contexts) + (group < shape.slots % contexts ? 1 : 0);
      const options = { slots, contextSize: shape.contextSize, threads: layout.threads, firstSlot, group };
      opened.push(await SlotContext.open(model, options));
      firstSlot += slots;
    }
    return opened;
  } catch (error) {
    for (const context of opened) await context.dispose();
    throw error;
  }
}
