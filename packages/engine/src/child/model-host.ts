import {
  AppError,
  type EmbedOutcome,
  type EmbedTask,
  type GenerateOutcome,
  type GenerateTask,
  type LoadedModel,
  type RerankOutcome,
  type RerankTask,
  type TokenChunk,
} from "@llamero/core";
import {
  type JinjaTemplateChatWrapper,
  type Llama,
  type LlamaGrammarEvaluationState,
  type LlamaModel,
  type Token,
  TokenBias,
} from "node-llama-cpp";
import type { EngineProgress, ModelStats } from "../protocol.ts";
import { Embedder } from "./embedder.ts";
import type { EncoderPool } from "./encoder-pool.ts";
import { Garbage } from "./garbage.ts";
import { Generation, type GenerationPlan, stopReason } from "./generation.ts";
import { grammarState } from "./grammar.ts";
import { GrammarCache } from "./grammar-cache.ts";
import { modelEncoders } from "./model-encoders.ts";
import { vocabularySize } from "./model-facts.ts";
import { promptTokens, tokenBudget } from "./prompt.ts";
import { Reranker } from "./reranker.ts";
import { applyBiases, endTokens, logitBiases, samplingOptions, stopTexts } from "./sampling.ts";
import type { SequenceSlot } from "./sequence-slot.ts";
import type { SlotContext } from "./slot-context.ts";
import { SlotPool } from "./slot-pool.ts";
import type { StepCounts } from "./step-loop.ts";
import type { Detokenize } from "./token-text.ts";
import { showMarkers } from "./tool-calls/show-markers.ts";
import { toolCalling } from "./tool-calls/tool-calling.ts";

/** On the CPU a prompt is computed at tens of tokens a second on large models: a stop has to come through in between. */
const CPU_PREFILL_CHUNK = 64;

/**
 * What was emitted before is computed in smaller ones: from 64 tokens of a sequence on, llama.cpp's attention sums in another order
 * than it did when the tokens were made one by one, and a resumed job would go on differently where two tokens are nearly as likely.
 */
const CPU_EMITTED_CHUNK = 32;

const NOTHING: TokenChunk = { tokens: [], text: "" };

/** A model in memory with its contexts and template. */
export interface HostedModel {
  llama: Llama;
  model: LlamaModel;
  contexts: readonly SlotContext[];
  template: JinjaTemplateChatWrapper | null;
  threads: number;
  /** Tokens that a step computes at most. */
  batchSize: number;
  facts: LoadedModel;
  /** What its adapters make of it. */
  variants: readonly LoadedModel[];
  /** For how long a slot stays with a session, in milliseconds. */
  sessionMs: number | undefined;
}

/** Who is told of a task's course. */
export interface GenerateListener {
  onChunk: (chunk: TokenChunk) => void;
  /** It begins to wait for a slot, or waits no more. */
  onWaiting: (isWaiting: boolean) => void;
}

/** Runs the tasks of one loaded model over its slots. */
export class ModelHost {
  readonly facts: LoadedModel;
  /** The model itself, and what its adapters make of it: the names that it runs tasks under. */
  readonly models: readonly LoadedModel[];
  readonly #hosted: HostedModel;
  readonly #slots: SlotPool<SequenceSlot>;
  /** What computes inputs whole, by the name that it is watched under. */
  readonly #pools: readonly [string, EncoderPool][];
  readonly #embedder: Embedder;
  readonly #reranker: Reranker;
  readonly #grammars = new GrammarCache<LlamaGrammarEvaluationState>();
  readonly #garbage = new Garbage();
  #endTokens: Token[] | null = null;

  constructor(hosted: HostedModel) {
    this.facts = hosted.facts;
    this.models = [hosted.facts, ...hosted.variants];
    this.#hosted = hosted;
    this.#slots = new SlotPool(
      hosted.contexts.flatMap((context) => context.slots),
      { sessionMs: hosted.sessionMs },
    );
    const { llama, model } = hosted;
    const contextLength = hosted.facts.context_length;
    const encoders = { contextLength, busyThreads: () => this.#busyThreads() };
    const embedding = modelEncoders(llama, model, { ...encoders, ranking: false });
    const ranking = modelEncoders(llama, model, { ...encoders, ranking: true });
    this.#embedder = new Embedder(model, contextLength, embedding);
    this.#reranker = new Reranker(model, contextLength, ranking);
    this.#pools = [
      [`${hosted.facts.name}/embedding inputs`, embedding],
      [`${hosted.facts.name}/ranking inputs`, ranking],
    ];
  }

  /** What went through the model's batches since it was loaded, over all its contexts. */
  get counts(): StepCounts {
    const sum: StepCounts = { steps: 0, occupied: 0, capacity: 0, decodedTokens: 0, prefillTokens: 0 };
    for (const { counts } of this.#hosted.contexts)
      for (const key of Object.keys(sum) as (keyof StepCounts)[]) sum[key] += counts[key];
    return sum;
  }

  /** What its slots hold, and can hold. */
  get cache(): Pick<ModelStats, "kvTokens" | "kvCapacity"> {
    const { contexts } = this.#hosted;
    return {
      kvTokens: contexts.reduce((sum, { heldTokens }) => sum + heldTokens, 0),
      kvCapacity: contexts.reduce((sum, { slots, contextSize }) => sum + slots.length * contextSize, 0),
    };
  }

  /** Per context, its slots in use and the steps it has begun: a step begins when the one before it has finished. */
  progress(): [string, EngineProgress[string]][] {
    const contexts = this.#hosted.contexts.map(({ counts }, group): [string, EngineProgress[string]] => {
      return [`${this.facts.name}/${group}`, { busy: this.#slots.inUse(group), steps: counts.steps }];
    });
    return [...contexts, ...this.#pools.map(([kind, pool]): [string, EngineProgress[string]] => [kind, pool.progress()])];
  }

  /**
   * @throws AppError `context_length_exceeded`, `invalid_request`, `unsupported_schema`, `unsupported_capability`,
   * `model_changed`
   */
  async generate(task: GenerateTask, signal: AbortSignal, listener: GenerateListener): Promise<GenerateOutcome> {
    const plan = await this.#plan(task);
    const generation = new Generation(plan, listener.onChunk);
    const before = generation.outcomeBefore();
    if (before !== null) return before;
    let hasWaited = false;
    const slot = await this.#slots.acquire(generation.wish, signal, () => {
      hasWaited = true;
      listener.onWaiting(true);
    });
    if (hasWaited) listener.onWaiting(false);
    if (slot === null) return generation.unstarted(stopReason(signal) ?? "cancelled");
    try {
      return await generation.run(slot, signal);
    } catch (error) {
      await slot.clear();
      throw error;
    } finally {
      this.#slots.release(slot);
      const hasGrammar = plan.sampling.grammarEvaluationState !== undefined;
      this.#garbage.generationEnded({ tokens: plan.generated.length, hasGrammar });
    }
  }

  /** @throws AppError `context_length_exceeded`, `unsupported_capability`, `cancelled`, `deadline_exceeded` */
  async embed(task: EmbedTask, signal: AbortSignal): Promise<EmbedOutcome> {
    this.#demand(task.model, "embedding");
    return this.#embedder.embed(task, signal);
  }

  /** @throws AppError `context_length_exceeded`, `unsupported_capability`, `cancelled`, `deadline_exceeded` */
  async rerank(task: RerankTask, signal: AbortSignal): Promise<RerankOutcome> {
    this.#demand(task.model, "rerank");
    return this.#reranker.rerank(task, signal);
  }

  #busyThreads(): number {
    const { contexts, threads } = this.#hosted;
    return contexts.filter((_, group) => this.#slots.inUse(group) > 0).length * threads;
  }

  #demand(model: string, capability: LoadedModel["capabilities"][number]): void {
    const { name, capabilities } = this.models.find((one) => one.name === model) ?? this.facts;
    if (capabilities.includes(capability)) return;
    const can = capabilities.join(", ") || "nothing that is supported";
    const text = `Model "${name}" does not do ${capability}; it does ${can}. Name another model or another type.`;
    throw new AppError("unsupported_capability", text, { param: "type" });
  }

  async #plan({
    model: name,
    request,
    emitted = NOTHING,
    isUrgent = false,
    session = null,
  }: GenerateTask): Promise<GenerationPlan> {
    const acceptedAtMs = performance.now();
    this.#demand(name, request.type);
    const { llama, model, template, facts, batchSize } = this.#hosted;
    const { params } = request;
    const detokenize: Detokenize = (tokens, before) => model.detokenize(tokens as Token[], false, before as Token[]);
    const prompt = promptTokens(model, template, request);
    const maxTokens = tokenBudget(request, prompt.length, facts.context_length);
    const generated: Token[] = [];
    const sampling = samplingOptions(params, generated, facts.context_length);
    const host = { llama, model, template: template?.template ?? "", grammars: this.#grammars };
    const grammar = await grammarState(host, params);
    if (grammar !== null) sampling.grammarEvaluationState = grammar;
    const calling = await toolCalling(host, request, prompt);
    if (calling !== null) sampling.grammarEvaluationState = calling.grammar;
    const biases = logitBiases(params, vocabularySize(model), () => this.#ends());
    if (biases.size > 0) sampling.tokenBias = applyBiases(TokenBias.for(model), biases);
    return {
      model: name,
      prompt,
      adapter: name === facts.name ? null : name,
      isUrgent,
      session,
      emitted,
      maxTokens,
      stops: stopTexts(params),
      sampling,
      generated,
      isEnd: (token) => model.isEogToken(token),
      detokenize: calling === null ? detokenize : showMarkers(detokenize, calling.markers),
      answer: calling?.answer ?? null,
      chunks:
        llama.gpu === false
          ? { prompt: CPU_PREFILL_CHUNK, emitted: CPU_EMITTED_CHUNK }
          : { prompt: batchSize, emitted: batchSize },
      acceptedAtMs,
    };
  }

  #ends(): Token[] {
    this.#endTokens ??= endTokens(this.#hosted.model);
    return this.#endTokens;
  }
}
