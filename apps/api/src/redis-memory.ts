import { AppError } from "@llamero/core";
import type { Logger } from "@llamero/process";
import type { Store } from "@llamero/store";

/** From this part of Redis's limit on no more jobs are taken, so that those there are can run and end (docs/durability.md). */
const FULL_SHARE = 0.8;
const LOOK_EVERY_MS = 1_000;

export interface RedisMemoryOptions {
  store: Pick<Store, "memory">;
  logger: Logger;
}

/** Keeps an eye on how full Redis is, so that no request has to ask. */
export class RedisMemory {
  readonly #options: RedisMemoryOptions;
  #timer: NodeJS.Timeout | null = null;
  #isFull = false;

  constructor(options: RedisMemoryOptions) {
    this.#options = options;
  }

  /** Looks now, and from now on every second. @throws AppError `redis_unavailable` */
  async start(): Promise<void> {
    await this.look();
    this.#timer = setInterval(() => {
      // While Redis is away, what was seen last holds; requests fail by themselves.
      this.look().catch((error: unknown) => this.#options.logger.debug({ err: error }, "could not ask Redis for its memory"));
    }, LOOK_EVERY_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async look(): Promise<void> {
    const { usedBytes, maxBytes } = await this.#options.store.memory();
    const isFull = maxBytes !== null && usedBytes >= maxBytes * FULL_SHARE;
    if (isFull !== this.#isFull)
      this.#options.logger.warn(
        { used_bytes: usedBytes, max_bytes: maxBytes },
        isFull ? "Redis is nearly full: no more jobs are taken" : "Redis has room again",
      );
    this.#isFull = isFull;
  }

  /** @throws AppError `redis_memory_full` */
  requireRoom(): void {
    if (!this.#isFull) return;
    const text =
      "Redis is nearly full, and takes no more jobs so that those there are can end. Try again later, or give it more memory.";
    throw new AppError("redis_memory_full", text);
  }
}
