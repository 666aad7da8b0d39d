import type { TokenChunk } from "@llamero/core";
import type { TaskChunk } from "../protocol.ts";

/** Gathers the tokens of all tasks and sends them in one message per interval: a message per token would cost more than it. */
export class ChunkOutbox {
  readonly #flushMs: number;
  readonly #send: (chunks: TaskChunk[]) => void;
  readonly #chunks = new Map<string, TaskChunk>();
  #timer: NodeJS.Timeout | null = null;

  constructor(flushMs: number, send: (chunks: TaskChunk[]) => void) {
    this.#flushMs = flushMs;
    this.#send = send;
  }

  add(taskId: string, { tokens, text }: TokenChunk): void {
    const chunk = this.#chunks.get(taskId);
    if (chunk === undefined) this.#chunks.set(taskId, { taskId, tokens: [...tokens], text });
    else {
      chunk.tokens.push(...tokens);
      chunk.text += text;
    }
    this.#timer ??= setTimeout(() => this.flush(), this.#flushMs);
  }

  /** Sends what there is at once; called before a task's outcome so that no chunk comes after it. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#chunks.size === 0) return;
    const chunks = [...this.#chunks.values()];
    this.#chunks.clear();
    this.#send(chunks);
  }
}
