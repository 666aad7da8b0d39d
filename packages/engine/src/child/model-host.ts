import {
  AppError,
  type EmbedOutcome,
  type EmbedTask,
  type GenerateOutcome,
  type GenerateTask,
  type LoadedModel,
  type TokenChunk,
} from "@llamero/core";
import { type JinjaTemplateChatWrapper, type Llama, type LlamaModel, type Token, TokenBias } from "node-llama-cpp";
import type { EngineProgress } from "../protocol.ts";
import type { BatchCounts } from "./batch-strategy.ts";
import { Embedder } from "./embedder.ts";
import { Generation, type GenerationPlan, stopReason, unstartedOutcome } from "./generation.ts";
import { grammarState } from "./grammar.ts";
import { NativeGarbage, vocabularySize } from "./native-garbage.ts";
import { promptTokens, tokenBudget } from "./prompt.ts";
import { applyBiases, endTokens, logitBiases, samplingOptions, stopTexts } from "./sampling.ts";
import type { SequenceSlot } from "./sequence-slot.ts";
import { BATCH_SIZE, type SlotContext } from "./slot-context.ts";
import { SlotPool } from "./slot-pool.ts";

/** On the CPU a prompt is computed at tens of tokens a second on large models: a stop has to come through in between. */
const CPU_PREFILL_CHUNK = 64;

/** A model in memory with its contexts and template. */
export interface HostedModel {
  llama: Llama;
  model: LlamaModel;
  contexts: readonly SlotContext[];
  template: JinjaTemplateChatWrapper | null;
  threads: number;
  facts: LoadedModel;
}

/** Runs the tasks of one loaded model over its slots. */
export class ModelHost {
  readonly facts: LoadedModel;
  readonly #hosted: HostedModel;
  readonly #slots: SlotPool<SequenceSlot>;
  readonly #embedder: Embedder;
  readonly #garbage: NativeGarbage;
  #endTokens: Token[] | null = null;

  constructor(hosted: HostedModel) {
    this.facts = hosted.facts;
    this.#hosted = hosted;
    this.#slots = new SlotPool(hosted.contexts.flatMap((context) => context.slots));
    this.#embedder = new Embedder(hosted.model, hosted.facts.context_length, hosted.threads);
    this.#garbage = new NativeGarbage(vocabularySize(hosted.model));
  }

  /** What went through the model's batches since it was loaded, over all its contexts. */
  get counts(): BatchCounts {
    const sum: BatchCounts = { steps: 0, occupied: 0, capacity: 0, decodedTokens: 0, prefillTokens: 0 };
    for (const { strategy } of this.#hosted.contexts)
      for (const key of Object.keys(sum) as (keyof BatchCounts)[]) sum[key] += strategy.counts[key];
    return sum;
  }

  /** Per context, its slots in use and the steps it has begun: a step begins when the one before it has finished. */
  progress(): [string, EngineProgress[string]][] {
    return this.#hosted.contexts.map(({ strategy }, group) => {
      return [`${this.facts.name}/${group}`, { busy: this.#slots.inUse(group), steps: strategy.counts.steps }];
    });
  }

  /** @throws AppError `context_length_exceeded`, `invalid_request`, `unsupported_schema`, `unsupported_capability` */
  async generate(task: GenerateTask, signal: AbortSignal, onChunk: (chunk: TokenChunk) => void): Promise<GenerateOutcome> {
    const plan = await this.#plan(task);
    const slot = await this.#slots.acquire(plan.prompt, signal);
    if (slot === null) return unstartedOutcome(plan, stopReason(signal) ?? "cancelled");
    try {
      return await new Generation(plan, slot, signal, onChunk).run();
    } catch (error) {
      await slot.clear();
      throw error;
    } finally {
      this.#slots.release(slot);
      this.#garbage.generationEnded();
    }
  }

  /** @throws AppError `context_length_exceeded`, `unsupported_capability`, `cancelled`, `deadline_exceeded` */
  async embed(task: EmbedTask, signal: AbortSignal): Promise<EmbedOutcome> {
    this.#demand("embedding");
    return this.#embedder.embed(task, signal);
  }

  #demand(capability: LoadedModel["capabilities"][number]): void {
    const { name, capabilities } = this.facts;
    if (capabilities.includes(capability)) return;
    const can = capabilities.join(", ") || "nothing that is supported";
    const text = `Model "${name}" does not do ${capability}; it does ${can}. Name another model or another type.`;
    throw new AppError("unsupported_capability", text, { param: "type" });
  }

  async #plan({ request }: GenerateTask): Promise<GenerationPlan> {
    const acceptedAtMs = performance.now();
    this.#demand(request.type);
    const { llama, model, template, facts } = this.#hosted;
    const { params } = request;
    const prompt = promptTokens(model, template, request);
    const maxTokens = tokenBudget(request, prompt.length, facts.context_length);
    const generated: Token[] = [];
    const sampling = samplingOptions(params, generated, facts.context_length);
    const grammar = await grammarState(llama, model, params);
    if (grammar !== null) sampling.grammarEvaluationState = grammar;
    const biases = logitBiases(params, vocabularySize(model), () => this.#ends());
    if (biases.size > 0) sampling.tokenBias = applyBiases(TokenBias.for(model), biases);
    return {
      prompt,
      maxTokens,
      stops: stopTexts(params),
      sampling,
      generated,
      detokenize: (tokens, before) => model.detokenize(tokens as Token[], false, before as Token[]),
      prefillChunk: llama.gpu === false ? CPU_PREFILL_CHUNK : BATCH_SIZE,
      acceptedAtMs,
    };
  }

  #ends(): Token[] {
    this.#endTokens ??= endTokens(this.#hosted.model);
    return this.#endTokens;
  }
}
