import { setTimeout as pass } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type LlameroProcess, startLlamero } from "@llamero/testkit";

const KILL_EVERY_MS = 3_000;
/** On a machine that takes longer to start one than it is to live, it lives this long: else no attempt would ever be made. */
const LIVES_AT_LEAST_MS = 1_000;
const entry = fileURLToPath(new URL("./hasty-dispatcher.ts", import.meta.url));

/** Runs one dispatcher after the other and ends each by SIGKILL: every three seconds one, the time to start the next included. */
export class DispatcherKiller {
  kills = 0;
  /** From the first start to the last kill, in milliseconds. */
  killingMs = 0;
  /** Rejects when a dispatcher does not start; never resolves. */
  readonly failed: Promise<never>;
  readonly #env: Record<string, string>;
  #isResting = false;
  #wake = new AbortController();
  readonly #last: Promise<LlameroProcess>;

  private constructor(env: Record<string, string>) {
    this.#env = env;
    this.#last = this.#run();
    this.failed = this.#last.then(() => new Promise(() => {}));
    // Whoever waits for `failed` or `rest` is told.
    this.failed.catch(() => {});
  }

  static start(env: Record<string, string>): DispatcherKiller {
    return new DispatcherKiller(env);
  }

  /** Kills the one that runs before its time. */
  strike(): void {
    this.#wake.abort();
  }

  /** Kills no more, and leaves one dispatcher running. */
  async rest(): Promise<void> {
    this.#isResting = true;
    this.#wake.abort();
    await this.#last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rest();
    await (await this.#last).kill();
  }

  async #run(): Promise<LlameroProcess> {
    const firstAt = performance.now();
    for (let startedAt = firstAt; ; startedAt = performance.now()) {
      const dispatcher = await startLlamero("dispatcher", this.#env, entry);
      const wake = new AbortController();
      this.#wake = wake;
      const leftMs = Math.max(LIVES_AT_LEAST_MS, startedAt + KILL_EVERY_MS - performance.now());
      // Cut short by `strike` and `rest`.
      if (!this.#isResting) await pass(leftMs, null, { signal: wake.signal }).catch(() => {});
      if (this.#isResting) return dispatcher;
      await dispatcher.kill();
      this.kills += 1;
      this.killingMs = performance.now() - firstAt;
    }
  }
}
