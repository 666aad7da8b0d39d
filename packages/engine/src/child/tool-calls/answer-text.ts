import { randomInt } from "node:crypto";
import type { ToolCall } from "@llamero/core";
import type { ToolFormat, WrittenCall } from "./tool-format.ts";

/** What an answer's text becomes for the caller: content as it comes, and calls at its end. */
export interface AnswerText {
  /** Takes generated text. @returns content that nothing later can change */
  push(text: string): string;
  /** The rest, when no more text comes. */
  end(): { text: string; toolCalls: ToolCall[] };
}

const ID_LENGTH = 24;
const ID_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function newCallId(): string {
  return `call_${Array.from({ length: ID_LENGTH }, () => ID_CHARACTERS[randomInt(ID_CHARACTERS.length)]).join("")}`;
}

/** Calls as callers get them; none at all when one is of a function that was not offered. */
export function toToolCalls(written: readonly WrittenCall[], offered: ReadonlySet<string>): ToolCall[] {
  if (!written.every((call) => offered.has(call.name))) return [];
  return written.map((call) => ({ id: newCallId(), type: "function", function: call }));
}

export interface ReadingOptions {
  format: ToolFormat;
  /** The names of the functions that may be called. */
  offered: ReadonlySet<string>;
  /** Told where calls begin, with all that is there of them. */
  onCalls: (text: string) => void;
}

/** Reads answers in a model's own format: what may belong to a call is held back until the answer has ended. */
export class MixedAnswer implements AnswerText {
  readonly #options: ReadingOptions;
  #isBeginning = true;
  #held = "";
  /** White space between content and calls. */
  #gap = "";
  #hasCalls = false;

  constructor(options: ReadingOptions) {
    this.#options = options;
  }

  push(text: string): string {
    this.#held += text;
    if (this.#hasCalls || text === "") return "";
    const { contentUpTo, callsFrom } = this.#options.format.look(this.#held, this.#isBeginning);
    const content = this.#held.slice(0, contentUpTo);
    if (callsFrom !== null) {
      this.#hasCalls = true;
      this.#gap = this.#held.slice(contentUpTo, callsFrom);
    }
    this.#held = this.#held.slice(callsFrom ?? contentUpTo);
    if (this.#hasCalls) this.#options.onCalls(this.#held);
    if (content !== "") this.#isBeginning = false;
    return content;
  }

  end(): { text: string; toolCalls: ToolCall[] } {
    const { format, offered } = this.#options;
    const toolCalls = this.#hasCalls ? toToolCalls(format.parse(this.#held) ?? [], offered) : [];
    return { text: toolCalls.length > 0 ? "" : this.#gap + this.#held, toolCalls };
  }
}
