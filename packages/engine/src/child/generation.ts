import {
  AppError,
  type FinishReason,
  type GenerateOutcome,
  type StopReason,
  type TokenChunk,
  UNKNOWN_TOKEN,
} from "@llamero/core";
import type { SequenceEvaluateOptions, Token } from "node-llama-cpp";
import { acceptToken } from "./grammar-token.ts";
import { type OutputOptions, OutputText } from "./output-text.ts";
import type { SequenceSlot } from "./sequence-slot.ts";
import type { SlotWish } from "./slot-pool.ts";
import { type Sampling, tokenSeed } from "./token-sampler.ts";

/** A request made ready to run: everything that can be refused has been. */
export interface GenerationPlan extends OutputOptions {
  /** What the caller asked for, in messages. */
  model: string;
  prompt: Token[];
  /** Null: the model without one. */
  adapter: string | null;
  isUrgent: boolean;
  /** Null: it is a turn of none. */
  session: string | null;
  /** What earlier attempts have emitted. */
  emitted: TokenChunk;
  /** Over all attempts. */
  maxTokens: number;
  /** `punishTokens` reads `generated`. */
  sampling: SequenceEvaluateOptions;
  /** Filled by the generation. */
  generated: Token[];
  /** Most tokens that are computed at once before the first new one, of the prompt and of what was emitted before. */
  chunks: { prompt: number; emitted: number };
  /** Whether a token of the model ends its output. */
  isEnd: (token: Token) => boolean;
  /** When the task came, on `performance.now()`'s clock. */
  acceptedAtMs: number;
}

/** The last chunk may be longer than the others by this factor: a step for a few tokens costs more than it saves. */
const LAST_CHUNK = 1.5;

/** Why a task is to stop, from the signal that stops it. */
export function stopReason(signal: AbortSignal): StopReason | null {
  return signal.aborted ? (signal.reason as StopReason) : null;
}

/** Chunks of at most `size` tokens, the last one a little longer. */
function cut(tokens: readonly Token[], size: number): Token[][] {
  const chunks: Token[][] = [];
  for (let at = 0; at < tokens.length; ) {
    const end = tokens.length - at > size * LAST_CHUNK ? at + size : tokens.length;
    chunks.push(tokens.slice(at, end));
    at = end;
  }
  return chunks;
}

/**
 * One run of one plan: what was emitted before is taken in again, then comes prefill in a slot, then a token per step until something
 * ends it.
 */
export class Generation {
  readonly #plan: GenerationPlan;
  readonly #onChunk: (chunk: TokenChunk) => void;
  readonly #output: OutputText;
  /** Why it has ended before it has run: the tokens emitted before are all there is to say. */
  readonly #endedBefore: FinishReason | null;
  #startedAtMs: number | null = null;
  #firstTokenAtMs: number | null = null;
  #cachedTokens = 0;

  /** @throws AppError `model_changed` */
  constructor(plan: GenerationPlan, onChunk: (chunk: TokenChunk) => void) {
    this.#plan = plan;
    this.#onChunk = onChunk;
    this.#output = new OutputText(plan);
    this.#endedBefore = this.#takeIn(plan.emitted);
  }

  /** What a slot has to hold before the first new token. */
  get wish(): SlotWish {
    const { prompt, generated, adapter, isUrgent, session } = this.#plan;
    return { prompt: generated.length === 0 ? prompt : [...prompt, ...generated], adapter, isUrgent, session };
  }

  /** The outcome, where there is nothing left to run; null where there is. */
  outcomeBefore(): GenerateOutcome | null {
    return this.#endedBefore === null ? null : this.#outcome(this.#endedBefore);
  }

  /** The outcome of a task that was stopped before it had a slot. */
  unstarted(reason: StopReason): GenerateOutcome {
    return this.#outcome(reason);
  }

  async run(slot: SequenceSlot, signal: AbortSignal): Promise<GenerateOutcome> {
    this.#startedAtMs = performance.now();
    const onStop = () => slot.withdraw();
    signal.addEventListener("abort", onStop, { once: true });
    try {
      const held = await slot.adaptTo(this.wish, signal);
      this.#cachedTokens = Math.min(held, this.#plan.prompt.length);
      const rest = await this.#prefill(slot, signal, held);
      return this.#outcome(stopReason(signal) ?? (await this.#decode(slot, signal, rest)));
    } finally {
      signal.removeEventListener("abort", onStop);
      slot.prefillDone();
    }
  }

  /** Moves everything that looks at tokens to where the last attempt left it. */
  #takeIn({ tokens, text }: TokenChunk): FinishReason | null {
    let end: FinishReason | null = null;
    // Another server has made them: what they were, only it knows.
    if (tokens.includes(UNKNOWN_TOKEN)) throw this.#changed();
    for (const token of tokens as Token[]) {
      this.#follow(token);
      this.#output.push(token);
      end = this.#take(token);
    }
    if (this.#output.text !== text) throw this.#changed();
    return end;
  }

  /** The grammar that held when a token was sampled. */
  #follow(token: Token): void {
    const given = this.#plan.sampling.grammarEvaluationState;
    const state = given instanceof Function ? given() : given;
    if (state === undefined) return;
    try {
      acceptToken(state, token);
    } catch (cause) {
      throw this.#changed(cause);
    }
  }

  #changed(cause?: unknown): AppError {
    const { model, emitted } = this.#plan;
    const text =
      `The first ${emitted.tokens.length} tokens of this job do not fit what would go on with them: here, "${model}" is another ` +
      "model, or Llamero another version. Run the job again: POST /v1/jobs/{id}/retry.";
    return new AppError("model_changed", text, { cause });
  }

  /** Computes all of the context but its last chunk, which the next token's sampling needs. */
  async #prefill(slot: SequenceSlot, signal: AbortSignal, held: number): Promise<Token[]> {
    const { prompt, generated, chunks } = this.#plan;
    const emitted = generated.slice(Math.max(0, held - prompt.length));
    const all = [...cut(prompt.slice(held), chunks.prompt), ...cut(emitted, chunks.emitted)];
    const last = all.pop() ?? [];
    for (const chunk of all) {
      if (signal.aborted) break;
      await slot.compute(chunk);
      slot.prefillAdvanced();
    }
    return last;
  }

  async #decode(slot: SequenceSlot, signal: AbortSignal, tokens: Token[]): Promise<FinishReason> {
    let end: FinishReason | null = null;
    await slot.generate(tokens, this.#sampling(), (token) => {
      end = this.#plan.isEnd(token) ? "stop" : this.#accept(token, slot, signal);
      return end === null;
    });
    // Withdrawn before any token had ended it.
    return end ?? stopReason(signal) ?? "stop";
  }

  #sampling(): Sampling {
    const { sampling: options, generated } = this.#plan;
    const isDrawn = options.temperature !== 0 || options.xtc !== undefined;
    const lastTokens = options.dryRepeatPenalty?.lastTokens ?? 0;
    return {
      options: { ...options, seed: this.#seed() },
      seed: isDrawn ? () => this.#seed() : null,
      remembered: lastTokens === 0 ? [] : generated.slice(-lastTokens),
    };
  }

  /** Of the next token. */
  #seed(): number {
    return tokenSeed(this.#plan.sampling.seed ?? 0, this.#plan.generated.length);
  }

  /** Takes a sampled token. @returns why the generation ends with it, or null */
  #accept(token: Token, slot: SequenceSlot, signal: AbortSignal): FinishReason | null {
    if (this.#firstTokenAtMs === null) {
      this.#firstTokenAtMs = performance.now();
      slot.prefillDone();
    }
    const text = this.#output.push(token);
    const end = this.#take(token);
    this.#onChunk({ tokens: [token], text });
    // A token that ends the output ends it as such, also in an output that is to stop.
    return end === "stop" ? end : (stopReason(signal) ?? end);
  }

  #take(token: Token): FinishReason | null {
    this.#plan.generated.push(token);
    if (this.#output.isStopped) return "stop";
    return this.#plan.generated.length >= this.#plan.maxTokens ? "length" : null;
  }

  #outcome(finishReason: FinishReason): GenerateOutcome {
    const { tail, toolCalls } = this.#output.end();
    const [prompt_tokens, completion_tokens] = [this.#plan.prompt.length, this.#plan.generated.length];
    return {
      text: this.#output.text,
      tail,
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
      finishReason: finishReason === "stop" && toolCalls.length > 0 ? "tool_calls" : finishReason,
      usage: {
        prompt_tokens,
        cached_tokens: this.#cachedTokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
      },
      timings: this.#timings(),
    };
  }

  #timings(): GenerateOutcome["timings"] {
    const [now, started, first] = [performance.now(), this.#startedAtMs, this.#firstTokenAtMs];
    const wait_ms = (started ?? now) - this.#plan.acceptedAtMs;
    if (started === null) return { wait_ms, prefill_ms: null, generate_ms: null };
    if (first === null) return { wait_ms, prefill_ms: now - started, generate_ms: null };
    return { wait_ms, prefill_ms: first - started, generate_ms: now - first };
  }
}
