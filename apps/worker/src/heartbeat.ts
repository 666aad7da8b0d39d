import type { Logger } from "@llamero/process";
import type { Carriers } from "@llamero/queue";
import { BEAT_INTERVAL_MS, type Store, type WorkerBeat } from "@llamero/store";

export interface HeartbeatOptions {
  store: Pick<Store, "beat">;
  carriers: Pick<Carriers, "add">;
  /** What the worker is at this moment. */
  read: () => WorkerBeat;
  /** After each that went through. */
  onBeat?: () => void;
  logger: Logger;
}

/**
 * Says every two seconds, and when something has changed, that this worker lives and what it serves, which sizes the windows of
 * its models and feeds them.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | null = null;
  #inFlight: Promise<void> | null = null;
  #isStale = false;
  #isStopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** The first beat is awaited. @throws AppError what the store throws */
  async start(): Promise<void> {
    await this.beat();
    if (this.#isStopped) return;
    this.#timer = setInterval(() => this.soon(), BEAT_INTERVAL_MS);
  }

  /** One beat, awaited: when this resolves, waiting jobs are on their way. @throws AppError what the store throws */
  async beat(): Promise<void> {
    if (this.#isStopped) return;
    const { store, carriers, read, onBeat } = this.#options;
    await carriers.add(await store.beat(read()));
    onBeat?.();
  }

  /** One beat at the next opportunity: what is told is never older than the last call. */
  soon(): void {
    if (this.#timer === null || this.#isStopped) return;
    this.#isStale = true;
    this.#inFlight ??= this.#beatAll().finally(() => {
      this.#inFlight = null;
    });
  }

  /** Says goodbye. Legal to call twice. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#inFlight;
    const { store, carriers, read } = this.#options;
    await carriers.add(await store.beat({ ...read(), slots: [], models: [] }));
  }

  async #beatAll(): Promise<void> {
    // What changes together is told together.
    await Promise.resolve();
    while (this.#isStale && !this.#isStopped) {
      this.#isStale = false;
      await this.beat().catch((error: unknown) =>
        this.#options.logger.warn({ err: error }, "heartbeat failed; the next one follows"),
      );
    }
  }
}
