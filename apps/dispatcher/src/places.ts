import { ATTEMPTS_PER_RECEIVER } from "@llamero/store";

/**
 * Attempts of one dispatcher at a time. Measured with 960 at receivers that hang: the process grows from 140 to 260 MB, and to 530 MB
 * when all bodies are as large as they may be.
 */
const PLACES = 1_024;
/** One receiver may take one part in so many of the places that are free. */
const PARTS = 8;

/**
 * The places of a dispatcher, shared so that receivers that hang cannot take them all: the fewer are free, the fewer may one receiver
 * have. Any n that take what they get hold n / (n + 8) of them together.
 */
export class Places {
  readonly total: number;
  #taken = 0;

  constructor(total: number = PLACES) {
    this.total = total;
  }

  /** Attempts that one receiver may have under way now; 0: none but one, and that only when it is quick. */
  get perReceiver(): number {
    return Math.min(ATTEMPTS_PER_RECEIVER, Math.floor((this.total - this.#taken) / PARTS));
  }

  /** Takes a place for as long as `work` lasts. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#taken += 1;
    try {
      return await work();
    } finally {
      this.#taken -= 1;
    }
  }
}
