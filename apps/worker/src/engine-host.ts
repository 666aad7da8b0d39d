import { AppError, type LoadedModel, type Runtime } from "@llamero/core";
import type { Logger } from "@llamero/process";

/** Waits between two starts of an engine that keeps ending, in milliseconds: doubled each time, up to the last. */
const FIRST_BACKOFF_MS = 250;
const LAST_BACKOFF_MS = 30_000;
/** An engine that has run this long starts the next backoff from the beginning. */
const HEALTHY_MS = 60_000;

export interface EngineHostOptions {
  /** Starts an engine; `onExit` is called when it ends by itself. */
  start: (onExit: (error: AppError) => void) => Promise<Runtime>;
  logger: Logger;
}

/** Keeps an engine running: one that crashes is replaced, and whoever needs it meanwhile waits. */
export class EngineHost {
  readonly #options: EngineHostOptions;
  #runtime: Promise<Runtime>;
  #backoffMs = FIRST_BACKOFF_MS;
  #startedAt = 0;
  #isClosed = false;
  #cancelWait = () => {};
  #current: Runtime | null = null;
  #onState: (isUp: boolean) => void = () => {};

  private constructor(options: EngineHostOptions) {
    this.#options = options;
    this.#runtime = this.#launch();
  }

  /** @throws AppError what the first start throws */
  static async open(options: EngineHostOptions): Promise<EngineHost> {
    const host = new EngineHost(options);
    await host.#runtime;
    return host;
  }

  async models(): Promise<readonly LoadedModel[]> {
    return (await this.#runtime).models;
  }

  /** The running engine; null while one is being replaced. */
  get current(): Runtime | null {
    return this.#current;
  }

  /** Tells at once when the engine has gone, and when its successor is there. */
  watch(onState: (isUp: boolean) => void): void {
    this.#onState = onState;
  }

  /** The running engine; while one is being replaced, its successor. */
  runtime(): Promise<Runtime> {
    return this.#runtime;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelWait();
    await this.#runtime.then(
      (runtime) => runtime.close(),
      () => {},
    );
  }

  async #launch(): Promise<Runtime> {
    const runtime = await this.#options.start((error) => this.#replace(error));
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
    if (this.#isClosed || !hadStarted) return;
    this.#onState(false);
    if (performance.now() - this.#startedAt > HEALTHY_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    this.#runtime = this.#restart(error);
    this.#runtime.catch(() => {});
  }

  async #restart(first: AppError): Promise<Runtime> {
    for (let error: unknown = first; ; ) {
      this.#options.logger.error({ err: error, wait_ms: this.#backoffMs }, "the engine ended; starting another");
      await this.#wait();
      if (this.#isClosed) throw error;
      try {
        return await this.#launch();
      } catch (next) {
        error = next;
      }
    }
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
