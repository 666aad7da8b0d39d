import { AppError } from "@llamero/core";
import type { Redis } from "ioredis";
import { guarded } from "./redis-errors.ts";

/** After so long without their word, replicas count as away, in milliseconds. */
const CONFIRM_MS = 1_000;

/**
 * Waits until replicas have what a connection has written (Redis's WAIT). Calls that come while one wait is under way share the
 * next one: the connection does nothing else meanwhile.
 */
export class Replicas {
  readonly #redis: Redis;
  readonly #count: number;
  #underWay: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** @param count replicas that must confirm; with 0 nothing is waited for */
  constructor(redis: Redis, count: number) {
    this.#redis = redis;
    this.#count = count;
  }

  /** Resolves when everything that was written on the connection before this call is confirmed. @throws AppError `redis_unavailable` */
  confirm(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    this.#next ??= this.#after(this.#underWay);
    return this.#next;
  }

  async #after(before: Promise<void> | null): Promise<void> {
    // Whether those before were confirmed is for their own callers.
    await before?.catch(() => {});
    this.#underWay = this.#next;
    this.#next = null;
    const confirmed = await guarded(() => this.#redis.wait(this.#count, CONFIRM_MS));
    if (confirmed >= this.#count) return;
    const text = `The job is stored, but ${confirmed} of ${this.#count} replicas of Redis have confirmed it.`;
    throw new AppError(
      "redis_unavailable",
      `${text} Send it again with the same Idempotency-Key; without one it would run twice.`,
    );
  }
}
