import type { FinishReason, GenerateOutcome, StopReason, TokenChunk, ToolCall } from "@llamero/core";
import type { SequenceEvaluateOptions, Token } from "node-llama-cpp";
import type { SequenceSlot } from "./sequence-slot.ts";
import { StopText } from "./stop-text.ts";
import { type Detokenize, TokenText } from "./token-text.ts";
import type { AnswerText } from "./tool-calls/answer-text.ts";

/** A request made ready to run: everything that can be refused has been. */
export interface GenerationPlan {
  prompt: Token[];
  /** Null: the model without one. */
  adapter: string | null;
  maxTokens: number;
  stops: string[];
  /** `punishTokens` reads `generated`. */
  sampling: SequenceEvaluateOptions;
  /** Filled by the generation. */
  generated: Token[];
  detokenize: Detokenize;
  /** Reads tool calls out of the text; null when none were offered. */
  answer: AnswerText | null;
  /** Most prompt tokens between two looks at the stop signal. */
  prefillChunk: number;
  /** When the task came, on `performance.now()`'s clock. */
  acceptedAtMs: number;
}

/** The last chunk may be longer than the others by this factor: a step for a few tokens costs more than it saves. */
const LAST_CHUNK = 1.5;

/** Why a task is to stop, from the signal that stops it. */
export function stopReason(signal: AbortSignal): StopReason | null {
  return signal.aborted ? (signal.reason as StopReason) : null;
}

/** The outcome of a task that was stopped before it had a slot. */
export function unstartedOutcome(plan: GenerationPlan, reason: StopReason): GenerateOutcome {
  const prompt_tokens = plan.prompt.length;
  return {
    text: "",
    finishReason: reason,
    usage: { prompt_tokens, cached_tokens: 0, completion_tokens: 0, total_tokens: prompt_tokens },
    timings: { wait_ms: performance.now() - plan.acceptedAtMs, prefill_ms: null, generate_ms: null },
  };
}

/** One run of one plan in one slot: prefill, then a token per step until something ends it. */
export class Generation {
  readonly #plan: GenerationPlan;
  readonly #slot: SequenceSlot;
  readonly #signal: AbortSignal;
  readonly #onChunk: (chunk: TokenChunk) => void;
  readonly #tokenText: TokenText;
  readonly #stopText: StopText;
  readonly #startedAtMs = performance.now();
  #firstTokenAtMs: number | null = null;
  #cachedTokens = 0;
  #text = "";
  #stopTextFound = false;

  constructor(plan: GenerationPlan, slot: SequenceSlot, signal: AbortSignal, onChunk: (chunk: TokenChunk) => void) {
    this.#plan = plan;
    this.#slot = slot;
    this.#signal = signal;
    this.#onChunk = onChunk;
    this.#tokenText = new TokenText(plan.detokenize, plan.prompt);
    this.#stopText = new StopText(plan.stops);
  }

  async run(): Promise<GenerateOutcome> {
    try {
      this.#cachedTokens = await this.#slot.adaptTo(this.#plan, this.#signal);
      const rest = await this.#prefill(this.#plan.prompt.slice(this.#cachedTokens));
      return this.#outcome(stopReason(this.#signal) ?? (await this.#decode(rest)));
    } finally {
      this.#slot.prefillDone();
    }
  }

  /** Computes all of the prompt but its last chunk, which the first sampled token needs. */
  async #prefill(tokens: Token[]): Promise<Token[]> {
    const { prefillChunk } = this.#plan;
    let rest = tokens;
    while (rest.length > prefillChunk * LAST_CHUNK && !this.#signal.aborted) {
      await this.#slot.opened();
      await this.#slot.sequence.evaluateWithoutGeneratingNewTokens(rest.slice(0, prefillChunk), {
        evaluationPriority: this.#slot.lane,
      });
      rest = rest.slice(prefillChunk);
      this.#slot.prefillAdvanced();
    }
    return rest;
  }

  async #decode(tokens: Token[]): Promise<FinishReason> {
    const options = { ...this.#plan.sampling, evaluationPriority: this.#slot.lane };
    const steps = this.#slot.sequence.evaluateWithMetadata(tokens, {}, options);
    try {
      for (;;) {
        const closed = this.#slot.opened();
        if (closed !== null) await closed;
        const step = await steps.next();
        const end = step.done ? "stop" : this.#accept(step.value.token);
        if (end !== null) return end;
      }
    } finally {
      await steps.return();
    }
  }

  /** Takes a sampled token. @returns why the generation ends with it, or null */
  #accept(token: Token): FinishReason | null {
    if (this.#firstTokenAtMs === null) this.#begun();
    this.#plan.generated.push(token);
    const { text, stopped } = this.#stopText.push(this.#content(this.#tokenText.push(token)));
    this.#emit([token], text);
    this.#stopTextFound = stopped;
    if (stopped) return "stop";
    if (this.#signal.aborted) return stopReason(this.#signal);
    return this.#plan.generated.length >= this.#plan.maxTokens ? "length" : null;
  }

  #begun(): void {
    this.#firstTokenAtMs = performance.now();
    this.#slot.prefillDone();
  }

  #emit(tokens: Token[], text: string): void {
    this.#text += text;
    this.#onChunk({ tokens, text });
  }

  #content(text: string): string {
    return this.#plan.answer === null ? text : this.#plan.answer.push(text);
  }

  /** Lets out what was held back, unless it is the stop text and what follows. @returns the calls that it held */
  #flush(): ToolCall[] {
    if (this.#stopTextFound) return [];
    const content = this.#content(this.#tokenText.flush());
    const last = this.#plan.answer?.end() ?? { text: "", toolCalls: [] };
    const { text, stopped } = this.#stopText.push(content + last.text);
    const rest = stopped ? text : text + this.#stopText.flush();
    if (rest !== "") this.#emit([], rest);
    return last.toolCalls;
  }

  #outcome(finishReason: FinishReason): GenerateOutcome {
    const toolCalls = this.#flush();
    const [prompt_tokens, completion_tokens] = [this.#plan.prompt.length, this.#plan.generated.length];
    return {
      text: this.#text,
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
    const first = this.#firstTokenAtMs;
    const wait_ms = this.#startedAtMs - this.#plan.acceptedAtMs;
    if (first === null) return { wait_ms, prefill_ms: performance.now() - this.#startedAtMs, generate_ms: null };
    return {
      wait_ms,
      prefill_ms: first - this.#startedAtMs,
      generate_ms: performance.now() - first,
    };
  }
}
