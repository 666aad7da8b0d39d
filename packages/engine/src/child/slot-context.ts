import type { LlamaContext, LlamaModel } from "node-llama-cpp";
import { ContextAdapters } from "./adapters.ts";
import { Beginnings } from "./beginnings.ts";
import { DEFAULT_BATCH_SIZE } from "./choose-batch.ts";
import type { AdapterFile } from "./model-files.ts";
import { nativeContext, nativeSampler } from "./native-context.ts";
import { type ContextParts, SequenceSlot } from "./sequence-slot.ts";
import { SequenceState } from "./sequence-state.ts";
import { type StepCounts, StepLoop, type StepShape } from "./step-loop.ts";
import { TokenSampler } from "./token-sampler.ts";
import { vulkanTurns } from "./turns.ts";

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

/** One llama.cpp context with its steps and its slots, for the life of the process. */
export class SlotContext {
  readonly #context: LlamaContext;
  readonly #loop: StepLoop;
  readonly slots: readonly SequenceSlot[];

  private constructor(context: LlamaContext, loop: StepLoop, slots: readonly SequenceSlot[]) {
    this.#context = context;
    this.#loop = loop;
    this.slots = slots;
  }

  /** @throws Error when it does not fit into memory */
  static async open(model: LlamaModel, options: SlotContextOptions): Promise<SlotContext> {
    const { slots, contextSize, threads, prefillThreads = threads } = options;
    const batchSize = Math.max(options.batchSize ?? DEFAULT_BATCH_SIZE, slots);
    const context = await model.createContext({ sequences: slots, contextSize, batchSize, threads });
    const native = nativeContext(context);
    const isLong = (step: StepShape) => step.prefillTokens >= PREFILL_STEP || step.heldTokens >= DEEP_STEP;
    const loop = new StepLoop({
      native,
      slots,
      batchSize,
      threads: (step) => (isLong(step) ? prefillThreads : threads),
      ...(model.llama.gpu === "vulkan" ? { turns: vulkanTurns } : {}),
    });
    const all: SequenceSlot[] = [];
    const worthwhileCopy = model.gpuLayers > 0 ? WORTHWHILE_COPY.gpu : WORTHWHILE_COPY.cpu;
    const adapters = new ContextAdapters(context, options.adapters ?? []);
    const parts: ContextParts = { loop, adapters, beginnings: new Beginnings(), slots: all, worthwhileCopy };
    for (let lane = 0; lane < slots; lane++) {
      const state = new SequenceState(context.getSequence(), native);
      const sampler = new TokenSampler(nativeSampler(model), (wanted) => state.samplerConfig(wanted));
      all.push(new SequenceSlot({ index: options.firstSlot + lane, group: options.group }, state, sampler, parts));
    }
    return new SlotContext(context, loop, all);
  }

  /** Tokens per sequence. */
  get contextSize(): number {
    return this.#context.contextSize;
  }

  /** Tokens in its KV cache. */
  get heldTokens(): number {
    return this.slots.reduce((sum, slot) => sum + slot.heldTokens, 0);
  }

  /** Threads of the last step. */
  get currentThreads(): number {
    return this.#context.currentThreads;
  }

  /** What went through its batches since it was opened. */
  get counts(): Readonly<StepCounts> {
    return this.#loop.counts;
  }

  async dispose(): Promise<void> {
    await this.#loop.idle();
    await this.#context.dispose();
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
