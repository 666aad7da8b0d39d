import type { StopReason, TokenChunk } from "@llamero/core";
import type { Claim, Store } from "@llamero/store";
import { keepTrying } from "./keep-trying.ts";

/**
 * Tokens wait this long at most before they are stored, in milliseconds: while somebody follows them, and while nobody does. All
 * jobs store theirs at the same moments, so that one pipeline carries them.
 */
const FLUSH_MS = { watched: 30, unwatched: 250 };
/**
 * So many tokens of one job do not wait: with what is on its way from the engine, they are what the next attempt makes a second time
 * when this process dies. Only small models make so many in that time.
 */
const MOST_WAITING = 24;

export interface ChunkWriterOptions {
  store: Pick<Store, "append">;
  claim: Pick<Claim, "jobId" | "fence" | "isWatched" | "emitted">;
  /** Somebody follows the job, who did not before. */
  onFollowed: () => void;
  /** The record asks the job to stop. */
  onStop: (reason: StopReason) => void;
  /** The job was taken over, ended or deleted: nothing more can be written. */
  onFenced: () => void;
  /** When it aborts, a Redis that is full is waited for no longer. */
  enough: AbortSignal;
}

/** Gathers a job's tokens and stores them in order, as chunks 1, 2, 3, …, or behind those of earlier attempts. */
export class ChunkWriter {
  readonly #options: ChunkWriterOptions;
  #pending: TokenChunk = { tokens: [], text: "" };
  #ordinal: number;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();
  /** What is pending will be written as soon as what is being written is. */
  #isDue = false;
  #isFenced = false;
  #isWatched: boolean;

  constructor(options: ChunkWriterOptions) {
    this.#options = options;
    this.#ordinal = options.claim.emitted.chunks;
    this.#isWatched = options.claim.isWatched;
  }

  add(chunk: TokenChunk): void {
    this.#pending.tokens.push(...chunk.tokens);
    this.#pending.text += chunk.text;
    if (this.#pending.tokens.length >= MOST_WAITING) this.#flushUnheard();
    else this.#timer ??= setTimeout(() => this.#flushUnheard(), this.#untilNextFlush());
  }

  /** Lets nothing be stored before the promise has settled; tokens are gathered meanwhile. */
  pause(until: Promise<unknown>): void {
    const paused = Promise.allSettled([until]);
    this.#writing = this.#writing.then(async () => void (await paused));
    this.#writing.catch(() => {});
  }

  /** Stores what is pending. @throws AppError what the store throws, also for an earlier write that failed */
  async flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.#isDue) {
      this.#isDue = true;
      this.#writing = this.#writing.then(() => this.#write());
    }
    await this.#writing;
  }

  /** What goes wrong is told at the next flush. */
  #flushUnheard(): void {
    void this.flush().catch(() => {});
  }

  #untilNextFlush(): number {
    const everyMs = this.#isWatched ? FLUSH_MS.watched : FLUSH_MS.unwatched;
    return everyMs - (performance.now() % everyMs);
  }

  /** All that is pending by now: while Redis is slow, away or full, chunks grow instead of becoming many. */
  async #write(): Promise<void> {
    this.#isDue = false;
    const chunk = this.#pending;
    this.#pending = { tokens: [], text: "" };
    const isEmpty = chunk.tokens.length === 0 && chunk.text === "";
    if (isEmpty || this.#isFenced) return;
    const ordinal = ++this.#ordinal;
    const { store, claim, enough } = this.#options;
    const result = await keepTrying(() => store.append(claim, ordinal, chunk), enough);
    if (result.outcome === "appended") {
      if (result.isWatched && !this.#isWatched) this.#options.onFollowed();
      this.#isWatched = result.isWatched;
      if (result.stop !== null) this.#options.onStop(result.stop);
      return;
    }
    // A write that was sent again after a cut connection is refused because it is already there.
    if (result.outcome === "ordinal" && result.last === ordinal) return;
    this.#isFenced = true;
    this.#options.onFenced();
  }
}
