import { AppError, type Runtime, toAppError } from "@llamero/core";
import type { Logger } from "@llamero/process";

/** Waits before a crashed engine's successor is started, in milliseconds: doubled each time, up to the last. */
const FIRST_BACKOFF_MS = 250;
const LAST_BACKOFF_MS = 30_000;
/** An engine that has run this long starts the next backoff from the beginning. */
const HEALTHY_MS = 60_000;

export interface EngineHostOptions<R extends Runtime> {
  /** Starts an engine; `onExit` is called when it ends by itself; the signal ends the start. */
  start: (onExit: (error: AppError) => void, signal: AbortSignal) => Promise<R>;
  /** A crashed engine's successor could not be started: the host has given up. */
  onGivenUp: (error: AppError) => void;
  logger: Logger;
}

/** Keeps one model's engine running: one that crashes is replaced, and whoever needs it meanwhile waits. */
export class EngineHost<R extends Runtime = Runtime> {
  readonly #options: EngineHostOptions<R>;
  readonly #closing = new AbortController();
  #runtime: Promise<R>;
  #backoffMs = FIRST_BACKOFF_MS;
  #startedAt = 0;
  #cancelWait = () => {};
  #current: R | null = null;
  #onState: (isUp: boolean) => void = () => {};

  /** Starts the first engine at once. */
  constructor(options: EngineHostOptions<R>) {
    this.#options = options;
    this.#runtime = this.#launch();
    this.#runtime.catch(() => {});
  }

  /** The running engine; null while one is being replaced. */
  get current(): R | null {
    return this.#current;
  }

  /** Tells at once when the engine has gone, and when its successor is there. */
  watch(onState: (isUp: boolean) => void): void {
    this.#onState = onState;
  }

  /** The running engine; while one is being started, that one. Rejects with what its start throws. */
  runtime(): Promise<R> {
    return this.#runtime;
  }

  /** Ends the engine, also one that is being started. Legal to call twice. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelWait();
    await this.#runtime.then(
      (runtime) => runtime.close(),
      () => {},
    );
  }

  async #launch(): Promise<R> {
    const runtime = await this.#options.start((error) => this.#replace(error), this.#closing.signal);
    this.#startedAt = performance.now();
    // It may have ended while the news of its start were under way.
    if (runtime.isOver) throw new AppError("engine_crashed", "The engine ended right after its start.");
    this.#current = runtime;
    this.#onState(true);
    return runtime;
  }

  #replace(error: AppError): void {
    const hadStarted = this.#current !== null;
    this.#current = null;
    if (this.#closing.signal.aborted || !hadStarted) return;
    this.#onState(false);
    if (performance.now() - this.#startedAt > HEALTHY_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    this.#runtime = this.#restart(error);
    this.#runtime.catch((cause: unknown) => {
      if (this.#closing.signal.aborted) return;
      this.#options.onGivenUp(toAppError(cause, "engine_failed", "The engine could not be started again."));
    });
  }

  async #restart(error: AppError): Promise<R> {
    this.#options.logger.error({ err: error, wait_ms: this.#backoffMs }, "the engine ended; starting another");
    await this.#wait();
    if (this.#closing.signal.aborted) throw error;
    return this.#launch();
  }

  async #wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#backoffMs);
    this.#backoffMs = Math.min(LAST_BACKOFF_MS, this.#backoffMs * 2);
    this.#cancelWait = resolve;
    await promise;
    clearTimeout(timer);
  }
}
