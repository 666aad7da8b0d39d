import { AppError, type FinishReason, type TokenChunk, type ToolCall, UNKNOWN_TOKEN, type Usage } from "@llamero/core";
import type { ChatCompletionChunk, Completion, CompletionUsage } from "openai/resources";

/** One piece of a streamed answer, of a chat or of a completion. */
export interface Piece {
  text: string;
  toolCalls: readonly ChatCompletionChunk.Choice.Delta.ToolCall[];
  finishReason: string | null;
  usage: CompletionUsage | null;
}

export function chatPiece({ choices, usage = null }: ChatCompletionChunk): Piece {
  const [choice] = choices;
  const { content, tool_calls: toolCalls = [] } = choice?.delta ?? {};
  return { text: content ?? "", toolCalls, finishReason: choice?.finish_reason ?? null, usage };
}

export function completionPiece({ choices, usage }: Completion): Piece {
  const [choice] = choices;
  return { text: choice?.text ?? "", toolCalls: [], finishReason: choice?.finish_reason ?? null, usage: usage ?? null };
}

const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool_calls",
  function_call: "tool_calls",
};

/** How an answer has ended. */
export interface Ended {
  text: string;
  toolCalls: ToolCall[];
  /** Null: the stream ended before the answer did. */
  finishReason: FinishReason | null;
  usage: Usage;
}

/** An answer that comes in pieces. */
export class Answer {
  readonly #onChunk: (chunk: TokenChunk) => void;
  /** What an earlier attempt has emitted of this answer, where the server begins it anew. */
  readonly #expected: string;
  readonly #toolCalls: ToolCall[] = [];
  #text = "";
  #tokens = 0;
  #finishReason: string | null = null;
  #usage: CompletionUsage | null = null;

  constructor(expected: string, onChunk: (chunk: TokenChunk) => void) {
    this.#expected = expected;
    this.#onChunk = onChunk;
  }

  /** @throws AppError `backend_diverged` when it is not the answer that an earlier attempt has emitted a part of */
  add({ text, toolCalls, finishReason, usage }: Piece): void {
    if (text !== "") this.#addText(text);
    for (const call of toolCalls) this.#addCall(call);
    this.#finishReason = finishReason ?? this.#finishReason;
    this.#usage = usage ?? this.#usage;
  }

  /** At the end of the stream. @throws AppError `backend_refused`, `backend_diverged` */
  end(): Ended {
    if (this.#finishReason !== null && this.#text.length < this.#expected.length) throw diverged();
    if (this.#finishReason === "content_filter")
      throw new AppError("backend_refused", "The server has ended its answer by a filter of its own.");
    return this.soFar();
  }

  /** What has come by now. */
  soFar(): Ended {
    const known = this.#finishReason === null ? null : (REASONS[this.#finishReason] ?? "stop");
    const finishReason = known === "stop" && this.#toolCalls.length > 0 ? "tool_calls" : known;
    return { text: this.#text, toolCalls: this.#toolCalls, finishReason, usage: this.#counted() };
  }

  #addText(text: string): void {
    const seen = this.#text.length;
    this.#text += text;
    this.#tokens += 1;
    const missing = this.#expected.slice(seen);
    if (missing.startsWith(text)) return;
    if (!text.startsWith(missing)) throw diverged();
    this.#onChunk({ tokens: [UNKNOWN_TOKEN], text: text.slice(missing.length) });
  }

  #addCall({ index, id, function: called }: Piece["toolCalls"][number]): void {
    this.#tokens += 1;
    const call = this.#toolCalls[index] ?? { id: "", type: "function" as const, function: { name: "", arguments: "" } };
    this.#toolCalls[index] = call;
    call.id ||= id ?? "";
    call.function.name += called?.name ?? "";
    call.function.arguments += called?.arguments ?? "";
  }

  /** As the server counts; of one that does not say, or was stopped before it did, pieces are counted for tokens. */
  #counted(): Usage {
    const { prompt_tokens = 0, completion_tokens = this.#tokens, prompt_tokens_details } = this.#usage ?? {};
    return {
      prompt_tokens,
      cached_tokens: prompt_tokens_details?.cached_tokens ?? 0,
      completion_tokens,
      total_tokens: prompt_tokens + completion_tokens,
    };
  }
}

function diverged(): AppError {
  return new AppError("backend_diverged", "The server has begun another answer than the one that is there in part.");
}
