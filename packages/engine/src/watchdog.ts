import type { EngineProgress } from "./protocol.ts";

/** The child says that it lives this often, in milliseconds. */
export const HEARTBEAT_MS = 1_000;
/** Default limits, in milliseconds. */
export const SILENT_MS = 10_000;
export const STUCK_MS = 60_000;

/** The tokens of the longest step that the limit is meant for; steps known to be longer get more time in proportion. */
const STEP_TOKENS = 512;
/** Looks per silence limit: a limit is overstepped by a quarter at most. */
const LOOKS = 4;

export interface WatchdogOptions {
  /** Silence after which the child is given up: its event loop no longer turns, or it was stopped. */
  silentMs: number;
  /** Time without a finished step, while a task is under way in a context, after which the child is given up. */
  stuckMs: number;
  /** Called once, with what is wrong: completes the sentence "The engine process …". */
  onHung: (what: string) => void;
  /** A clock that only goes forward, in milliseconds. */
  now?: () => number;
}

interface Context {
  steps: number;
  movedAt: number;
  limitMs: number;
}

/**
 * Watches an engine child by what it hears of it.
 * A step counts when the next one begins, so a slow model is not a stuck one as long as its single steps stay below the limit.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #now: () => number;
  readonly #contexts = new Map<string, Context>();
  readonly #everyMs: number;
  readonly #timer: NodeJS.Timeout;
  #heardAt: number;
  #lookedAt: number;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#heardAt = this.#lookedAt = this.#now();
    this.#everyMs = Math.min(options.silentMs, options.stuckMs) / LOOKS;
    this.#timer = setInterval(() => this.look(), this.#everyMs);
  }

  /** Any message: the child's event loop turns. */
  heard(): void {
    this.#heardAt = this.#now();
  }

  /** A heartbeat. */
  progressed(progress: EngineProgress): void {
    for (const [name, { busy, steps, stepTokens = STEP_TOKENS }] of Object.entries(progress)) {
      const known = this.#contexts.get(name);
      const hasMoved = known === undefined || known.steps !== steps || busy === 0;
      const limitMs = this.#options.stuckMs * Math.max(1, stepTokens / STEP_TOKENS);
      this.#contexts.set(name, { steps, movedAt: hasMoved ? this.#now() : known.movedAt, limitMs });
    }
  }

  /** One look at the clock; the timer calls it. */
  look(): void {
    const now = this.#now();
    const lateMs = now - this.#lookedAt - this.#everyMs;
    this.#lookedAt = now;
    // Whoever was stopped himself has heard nothing: that says nothing about the child.
    if (lateMs > this.#everyMs) this.#forgive(now);
    const wrong = this.#wrong(now);
    if (wrong === null) return;
    this.close();
    this.#options.onHung(wrong);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #forgive(now: number): void {
    this.#heardAt = now;
    for (const context of this.#contexts.values()) context.movedAt = now;
  }

  #wrong(now: number): string | null {
    const { silentMs } = this.#options;
    if (now - this.#heardAt >= silentMs) return `said nothing for ${seconds(silentMs)}`;
    for (const [name, { movedAt, limitMs }] of this.#contexts)
      if (now - movedAt >= limitMs) return `finished no step of ${name} for ${seconds(limitMs)}`;
    return null;
  }
}

const seconds = (ms: number) => `${ms / 1_000} s`;
