import { finishOf, toolCallsOf } from "@llamero/openai";
import type { ChunkForm } from "./stream-answer.ts";

const choice = (index: number, delta: object, finish_reason: string | null = null) => ({
  index,
  delta,
  logprobs: null,
  finish_reason,
});

export const chatForm: ChunkForm = {
  object: "chat.completion.chunk",
  begin: (index) => choice(index, { role: "assistant", content: "", refusal: null }),
  text: (index, content) => choice(index, { content }),
  end: (index, job) => {
    const calls = toolCallsOf(job).map((call, at) => ({ index: at, ...call }));
    return [...(calls.length > 0 ? [choice(index, { tool_calls: calls })] : []), choice(index, {}, finishOf(job))];
  },
};

const part = (index: number, text: string, finish_reason: string | null = null) => ({
  index,
  text,
  logprobs: null,
  finish_reason,
});

export const completionForm: ChunkForm = {
  object: "text_completion",
  begin: () => null,
  text: (index, text) => part(index, text),
  end: (index, job) => [part(index, "", finishOf(job))],
};
