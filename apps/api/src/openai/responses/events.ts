import { AppError, type Job } from "@llamero/core";
import {
  callItems,
  messageItem,
  outputItems,
  type ResponseDoor,
  type ResponseView,
  responseView,
  statusOf,
} from "@llamero/openai";
import type { JobEvent } from "../../event-position.ts";

/** What the terminal event of a status is called. */
const endings = {
  completed: "response.completed",
  incomplete: "response.incomplete",
  cancelled: "response.incomplete",
  failed: "response.failed",
  queued: "response.failed",
  in_progress: "response.failed",
} as const;

/**
 * A response as the events that OpenAI's clients know, in their order, made of its job's events from the first one on. The same job
 * gives the same events under the same numbers whenever it is read, on any replica.
 */
export class ResponseEvents {
  readonly #job: Job;
  readonly #door: ResponseDoor;
  readonly #after: number;
  #next = 0;
  #text = "";
  #isRunning = false;
  #hasMessage = false;
  #hasEnded = false;

  /** @param job as it was at the start @param after events up to this number are left out */
  constructor(job: Job, door: ResponseDoor, after = -1) {
    this.#job = job;
    this.#door = door;
    this.#after = after;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  readonly write = (event: JobEvent): string => {
    const frames = this.#begin();
    if (event.name === "status") {
      if (event.data.text_reset) return frames + this.#lost();
      return event.data.status === "running" ? frames + this.#run() : frames;
    }
    if (event.name === "delta") return frames + this.#delta(event.data.text);
    return frames + this.#end(event.data);
  };

  #frame(type: string, data: object): string {
    const sequence_number = this.#next++;
    if (sequence_number <= this.#after) return "";
    return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number, ...data })}\n\n`;
  }

  #snapshot(status: ResponseView["status"]): { response: ResponseView } {
    return { response: { ...responseView(this.#job, this.#door), status, output: [], usage: null, error: null } };
  }

  #begin(): string {
    if (this.#next > 0) return "";
    const { background } = this.#door.shown;
    const first = background ? "queued" : "in_progress";
    const created = this.#frame("response.created", this.#snapshot(first));
    return background ? created + this.#frame("response.queued", this.#snapshot("queued")) : created;
  }

  #run(): string {
    if (this.#isRunning) return "";
    this.#isRunning = true;
    return this.#frame("response.in_progress", this.#snapshot("in_progress"));
  }

  /** Where its text stands. */
  get #place() {
    return { item_id: messageItem(this.#job.id, "in_progress", null).id, output_index: 0, content_index: 0 };
  }

  #openMessage(): string {
    if (this.#hasMessage) return "";
    this.#hasMessage = true;
    const item = messageItem(this.#job.id, "in_progress", null);
    const part = { type: "output_text", text: "", annotations: [], logprobs: [] };
    return (
      this.#frame("response.output_item.added", { output_index: 0, item }) +
      this.#frame("response.content_part.added", { ...this.#place, part })
    );
  }

  #delta(delta: string): string {
    const frames = this.#run();
    if (delta === "") return frames;
    this.#text += delta;
    return frames + this.#openMessage() + this.#frame("response.output_text.delta", { ...this.#place, delta, logprobs: [] });
  }

  #end(job: Job): string {
    this.#hasEnded = true;
    const status = statusOf(job);
    const response = responseView(job, this.#door);
    const frames = job.attempts > 0 ? this.#run() : "";
    return frames + this.#items(job) + this.#frame(endings[status], { response });
  }

  /** What the items that are still open lack. */
  #items(job: Job): string {
    const items = outputItems(job);
    const [first] = items;
    const message = first?.type === "message" ? first : null;
    let frames = message === null ? "" : this.#openMessage();
    if (this.#hasMessage) {
      const text = message?.content[0]?.text ?? this.#text;
      const item = message ?? messageItem(job.id, "incomplete", text);
      const part = { type: "output_text", text, annotations: [], logprobs: [] };
      frames += this.#frame("response.output_text.done", { ...this.#place, text, logprobs: [] });
      frames += this.#frame("response.content_part.done", { ...this.#place, part });
      frames += this.#frame("response.output_item.done", { output_index: 0, item });
    }
    for (const [index, item] of callItems(job).entries()) {
      const output_index = (this.#hasMessage ? 1 : 0) + index;
      const place = { item_id: item.id, output_index };
      frames += this.#frame("response.output_item.added", {
        output_index,
        item: { ...item, status: "in_progress", arguments: "" },
      });
      frames += this.#frame("response.function_call_arguments.delta", { ...place, delta: item.arguments });
      frames += this.#frame("response.function_call_arguments.done", { ...place, name: item.name, arguments: item.arguments });
      frames += this.#frame("response.output_item.done", { output_index, item });
    }
    return frames;
  }

  #lost(): string {
    this.#hasEnded = true;
    return this.failure(new AppError("redis_unavailable", "Part of this response was lost with Redis. Read it again."));
  }

  /** What says that nothing more comes. */
  failure({ code, message }: AppError): string {
    return this.#frame("error", { code, message, param: null });
  }
}
