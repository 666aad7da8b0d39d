import type { ToolCall } from "@llamero/core";
import { StopText } from "./stop-text.ts";
import { type Detokenize, TokenText } from "./token-text.ts";
import type { AnswerText } from "./tool-calls/answer-text.ts";

export interface OutputOptions {
  prompt: readonly number[];
  detokenize: Detokenize;
  stops: readonly string[];
  /** Reads tool calls out of the text; null when none were offered. */
  answer: AnswerText | null;
}

/**
 * What a generation's tokens become for its reader. Text is released once nothing later can change it: not inside a code point,
 * a stop text or a tool call. The same tokens always release the same text, which is what lets a later attempt go on.
 */
export class OutputText {
  readonly #tokenText: TokenText;
  readonly #answer: AnswerText | null;
  readonly #stopText: StopText;
  #text = "";
  #isStopped = false;

  constructor({ prompt, detokenize, stops, answer }: OutputOptions) {
    this.#tokenText = new TokenText(detokenize, prompt);
    this.#answer = answer;
    this.#stopText = new StopText(stops);
  }

  /** All that has been released. */
  get text(): string {
    return this.#text;
  }

  /** A stop text has come: the text is complete. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** @returns the text that this token releases */
  push(token: number): string {
    const { text, stopped } = this.#stopText.push(this.#content(this.#tokenText.push(token)));
    this.#isStopped = stopped;
    this.#text += text;
    return text;
  }

  /** Releases what was held back, unless it is the stop text and what follows; when no more tokens come. */
  end(): { tail: string; toolCalls: ToolCall[] } {
    if (this.#isStopped) return { tail: "", toolCalls: [] };
    const content = this.#content(this.#tokenText.flush());
    const last = this.#answer?.end() ?? { text: "", toolCalls: [] };
    const { text, stopped } = this.#stopText.push(content + last.text);
    const tail = stopped ? text : text + this.#stopText.flush();
    this.#text += tail;
    return { tail, toolCalls: last.toolCalls };
  }

  #content(text: string): string {
    return this.#answer === null ? text : this.#answer.push(text);
  }
}
