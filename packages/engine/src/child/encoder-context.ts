import type { LlamaContext, LlamaContextOptions, LlamaModel, Token } from "node-llama-cpp";
import { vulkanTurns } from "./turns.ts";

/** What is used of a context's inside; version 3.22.1 is pinned, and what is missing is noticed when a context is opened. */
interface ContextInside {
  _ctx: {
    setThreads(threads: number): void;
    disposeSequence(sequenceId: number): void;
    getEmbedding(inputLength: number): Float64Array;
  };
  _reserveThreads: () => void;
  _decodeTokens(
    part: { sequenceId: number; firstTokenSequenceIndex: number; tokens: readonly Token[]; logits: readonly true[] },
    onOutput: () => null,
  ): Promise<unknown>;
}

/** Options that the library sets for its own embedding and ranking contexts. */
type EncoderOptions = LlamaContextOptions & { _embeddings: true; _ranking: boolean };

/** The only sequence whose pooled output the library gives out: inputs in one batch would have one result between them. */
const SEQUENCE = 0;

function insideOf(context: LlamaContext): ContextInside {
  const inside = context as unknown as Partial<ContextInside>;
  const native = inside._ctx;
  const functions = [
    inside._decodeTokens,
    inside._reserveThreads,
    native?.setThreads,
    native?.disposeSequence,
    native?.getEmbedding,
  ];
  if (functions.some((member) => typeof member !== "function"))
    throw new Error("The library's contexts have another form than expected.");
  return context as unknown as ContextInside;
}

/**
 * A llama.cpp context that computes one whole input at a time and gives what the model's pooling makes of it. It goes past the
 * library's embedding and ranking contexts: those make a sampler per input, which is 12 bytes a token of the vocabulary until it
 * is collected, and wait for threads that other contexts are to give back, so that each would stop the other for whole steps.
 */
export class EncoderContext {
  /** Tokens of the longest input that it takes. */
  readonly size: number;
  readonly #context: LlamaContext;
  readonly #inside: ContextInside;

  private constructor(context: LlamaContext, size: number) {
    this.size = size;
    this.#context = context;
    this.#inside = insideOf(context);
    this.#inside._reserveThreads = () => {};
  }

  /** Pooling sees a batch at a time, so that a whole input has to fit one. */
  static async open(model: LlamaModel, { size, ranking }: { size: number; ranking: boolean }): Promise<EncoderContext> {
    const options: EncoderOptions = { contextSize: size, batchSize: size, sequences: 1, _embeddings: true, _ranking: ranking };
    return new EncoderContext(await model.createContext(options), size);
  }

  /** To be called again only after the promise has settled. */
  encode(tokens: readonly Token[], threads: number): Promise<Float64Array> {
    const encode = () => this.#encode(tokens, threads);
    return this.#context.model.llama.gpu === "vulkan" ? vulkanTurns.take(encode) : encode();
  }

  dispose(): Promise<void> {
    return this.#context.dispose();
  }

  async #encode(tokens: readonly Token[], threads: number): Promise<Float64Array> {
    const { _ctx: native } = this.#inside;
    native.setThreads(threads);
    native.disposeSequence(SEQUENCE);
    // Of every token an output: pooling wants them all.
    const logits = tokens.map(() => true as const);
    await this.#inside._decodeTokens({ sequenceId: SEQUENCE, firstTokenSequenceIndex: 0, tokens, logits }, () => null);
    return native.getEmbedding(tokens.length);
  }
}
