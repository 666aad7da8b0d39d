/** Over how long it is averaged, in milliseconds: as long as a queue's rate (packages/store/src/drain-rate.ts). */
const AVERAGED_MS = 60_000;

/** How many tokens a worker's jobs have cost of late, a second: what was fades. */
export class Pace {
  readonly #now: () => number;
  readonly #startedAtMs: number;
  #tokens = 0;
  #atMs: number;

  /** @param now milliseconds from whenever on */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startedAtMs = now();
    this.#atMs = this.#startedAtMs;
  }

  /** A job has ended. */
  add(tokens: number): void {
    this.#fade();
    this.#tokens += tokens;
  }

  /** Of prompts and completions; of a worker that has just started, since then. */
  get tokensPerSecond(): number {
    this.#fade();
    const known = AVERAGED_MS * (1 - Math.exp((this.#startedAtMs - this.#atMs) / AVERAGED_MS));
    return known < 1_000 ? this.#tokens : (this.#tokens * 1_000) / known;
  }

  #fade(): void {
    const now = this.#now();
    this.#tokens *= Math.exp((this.#atMs - now) / AVERAGED_MS);
    this.#atMs = now;
  }
}
