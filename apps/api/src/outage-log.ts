import type { AppError } from "@llamero/core";
import type { Logger } from "@llamero/process";

/** In an outage every request fails alike: one line in this time says so, in milliseconds. */
const QUIET_MS = 5_000;

/** Logs that requests are being refused because something is away or full, with how many it was since the last line. */
export class OutageLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  #saidAt = Number.NEGATIVE_INFINITY;
  #refused = 0;

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  refused(error: AppError): void {
    this.#refused += 1;
    if (this.#now() - this.#saidAt < QUIET_MS) return;
    this.#logger.warn({ code: error.code, refused: this.#refused }, `requests are refused: ${error.message}`);
    this.#saidAt = this.#now();
    this.#refused = 0;
  }
}
