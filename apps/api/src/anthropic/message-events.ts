import { errorBody, messageId, stopReasonOf, toolUses, usageOf } from "@llamero/anthropic";
import { AppError, type Job } from "@llamero/core";
import type { JobEvent } from "../event-position.ts";
import { errorAnswer } from "../http-errors.ts";
import { failureOf } from "../run-jobs.ts";

const frame = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

/** A message as the events that Anthropic's clients know, in their order, made of its job's events. */
export class MessageEvents {
  readonly #job: Job;
  readonly #answerMs: number;
  #hasBegun = false;
  #hasText = false;
  #hasEnded = false;

  /** @param job as it was at the start */
  constructor(job: Job, answerMs: number) {
    this.#job = job;
    this.#answerMs = answerMs;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  readonly write = (event: JobEvent): string => {
    const head = this.#begin();
    if (event.name === "delta") return head + this.#text(event.data.text);
    if (event.name === "done") return head + this.#end(event.data);
    if (!event.data.text_reset) return head;
    return head + this.failure(new AppError("redis_unavailable", "Part of this message was lost with Redis. Ask again."));
  };

  failure(error: AppError): string {
    this.#hasEnded = true;
    const { status, body } = errorAnswer(error);
    return `event: error\ndata: ${JSON.stringify(errorBody(status, body.error.message))}\n\n`;
  }

  #begin(): string {
    if (this.#hasBegun) return "";
    this.#hasBegun = true;
    const { id, model } = this.#job;
    const head = {
      id: messageId(id),
      type: "message",
      role: "assistant",
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
    };
    return frame("message_start", { message: { ...head, usage: usageOf({ usage: null }) } });
  }

  #text(text: string): string {
    if (text === "") return "";
    const start = this.#hasText
      ? ""
      : frame("content_block_start", { index: 0, content_block: { type: "text", text: "", citations: null } });
    this.#hasText = true;
    return start + frame("content_block_delta", { index: 0, delta: { type: "text_delta", text } });
  }

  #end(job: Job): string {
    if (job.status !== "succeeded") return this.failure(failureOf(job, this.#answerMs));
    this.#hasEnded = true;
    const stop = this.#hasText ? frame("content_block_stop", { index: 0 }) : "";
    const delta = { stop_reason: stopReasonOf(job), stop_sequence: null };
    return stop + this.#calls(job) + frame("message_delta", { delta, usage: usageOf(job) }) + frame("message_stop", {});
  }

  #calls(job: Job): string {
    return toolUses(job)
      .map(({ input, ...use }, at) => {
        const index = (this.#hasText ? 1 : 0) + at;
        return (
          frame("content_block_start", { index, content_block: { ...use, input: {} } }) +
          frame("content_block_delta", { index, delta: { type: "input_json_delta", partial_json: JSON.stringify(input) } }) +
          frame("content_block_stop", { index })
        );
      })
      .join("");
  }
}
