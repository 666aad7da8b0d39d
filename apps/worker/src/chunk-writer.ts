import type { StopReason, TokenChunk } from "@llamero/core";
import type { Claim, Store } from "@llamero/store";

/**
 * Tokens wait this long at most before they are stored, in milliseconds: while somebody follows them, and while nobody does. All
 * jobs store theirs at the same moments, so that one pipeline carries them.
 */
const FLUSH_MS = { watched: 30, unwatched: 250 };

export interface ChunkWriterOptions {
  store: Pick<Store, "append">;
  claim: Pick<Claim, "jobId" | "fence" | "isWatched">;
  /** The record asks the job to stop. */
  onStop: (reason: StopReason) => void;
  /** The job was taken over, ended or deleted: nothing more can be written. */
  onFenced: () => void;
}

/** Gathers a job's tokens and stores them in order, as chunks 1, 2, 3, … */
export class ChunkWriter {
  readonly #options: ChunkWriterOptions;
  #pending: TokenChunk = { tokens: [], text: "" };
  #ordinal = 0;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();
  #isFenced = false;
  #isWatched: boolean;

  constructor(options: ChunkWriterOptions) {
    this.#options = options;
    this.#isWatched = options.claim.isWatched;
  }

  add(chunk: TokenChunk): void {
    this.#pending.tokens.push(...chunk.tokens);
    this.#pending.text += chunk.text;
    this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), this.#untilNextFlush());
  }

  /** Stores what is pending. @throws AppError what the store throws, also for an earlier write that failed */
  async flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const chunk = this.#pending;
    this.#pending = { tokens: [], text: "" };
    const isEmpty = chunk.tokens.length === 0 && chunk.text === "";
    if (!isEmpty && !this.#isFenced) this.#writing = this.#writing.then(() => this.#write(chunk));
    await this.#writing;
  }

  #untilNextFlush(): number {
    const everyMs = this.#isWatched ? FLUSH_MS.watched : FLUSH_MS.unwatched;
    return everyMs - (performance.now() % everyMs);
  }

  async #write(chunk: TokenChunk): Promise<void> {
    if (this.#isFenced) return;
    const ordinal = ++this.#ordinal;
    const result = await this.#options.store.append(this.#options.claim, ordinal, chunk);
    if (result.outcome === "appended") {
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
