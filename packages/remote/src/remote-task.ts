import type { RunTimings, StopReason } from "@llamero/core";

/** A task under way: whether it is to stop, and where its time goes. */
export class RemoteTask {
  readonly #abort = new AbortController();
  readonly #arrivedAt = performance.now();
  readonly #stopped = Promise.withResolvers<void>();
  #stopReason: StopReason | null = null;
  #isClosed = false;
  #startedAt: number | null = null;
  #firstAt: number | null = null;

  /** Ends its request. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Resolves when it is stopped, or the runtime is closed over it. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** Why it was stopped; null while it was not. */
  get stopReason(): StopReason | null {
    return this.#stopReason;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  stop(reason: StopReason): void {
    this.#stopReason ??= reason;
    this.#end();
  }

  /** The runtime is closed over it. */
  close(): void {
    this.#isClosed = true;
    this.#end();
  }

  /** It has a place. */
  start(): void {
    this.#startedAt = performance.now();
  }

  /** Something has come of its answer. */
  come(): void {
    this.#firstAt ??= performance.now();
  }

  timings(): RunTimings {
    const now = performance.now();
    if (this.#startedAt === null) return { wait_ms: now - this.#arrivedAt, prefill_ms: null, generate_ms: null };
    return {
      wait_ms: this.#startedAt - this.#arrivedAt,
      prefill_ms: (this.#firstAt ?? now) - this.#startedAt,
      generate_ms: this.#firstAt === null ? null : now - this.#firstAt,
    };
  }

  #end(): void {
    this.#abort.abort();
    this.#stopped.resolve();
  }
}
