import type { TokenChunk } from "@llamero/core";
import type { TaskChunk } from "../protocol.ts";

/** Gathers the tokens of all tasks and sends them in one message now and then: a message per token would cost more than it. */
export class ChunkOutbox {
  readonly #send: (chunks: TaskChunk[]) => void;
  readonly #chunks = new Map<string, TaskChunk>();
  #timer: NodeJS.Timeout | null = null;
  /** When they are sent, on `performance.now()`'s clock. */
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(send: (chunks: TaskChunk[]) => void) {
    this.#send = send;
  }

  /** @param withinMs milliseconds that these tokens may wait; what others gathered goes along */
  add(taskId: string, { tokens, text }: TokenChunk, withinMs: number): void {
    const chunk = this.#chunks.get(taskId);
    if (chunk === undefined) this.#chunks.set(taskId, { taskId, tokens: [...tokens], text });
    else {
      chunk.tokens.push(...tokens);
      chunk.text += text;
    }
    const dueMs = performance.now() + withinMs;
    if (this.#dueMs <= dueMs) return;
    this.#dueMs = dueMs;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), withinMs);
  }

  /** Sends what there is at once; called before a task's outcome so that no chunk comes after it. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#dueMs = Number.POSITIVE_INFINITY;
    if (this.#chunks.size === 0) return;
    const chunks = [...this.#chunks.values()];
    this.#chunks.clear();
    this.#send(chunks);
  }
}
