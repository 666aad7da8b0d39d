import { AppError } from "@llamero/core";
import type { Redis } from "ioredis";
import { type Keys, notifyBucket } from "./keys.ts";

/** Who follows a job reads again this often without a hint, in milliseconds: a lost hint costs this much and nothing else. */
const REREAD_MS = 5_000;
/** Who waits for the end does so every sixth time: thousands may wait for hours, and each reading takes a core from the engine. */
const REREADS_TO_END = 6;
/** Longest that the last reading may take once the time is up, in milliseconds: a Redis that hangs keeps nobody longer. */
const LAST_READING_MS = 500;

type Wake = () => void;

/** Which changes a waiter reads for: who waits for the end need not read at every chunk of tokens. */
export type WakeOn = "any" | "end";

/** What lua/lib.lua says of a job that has ended. */
const END = "end";

interface Bucket {
  jobs: Map<string, Map<Wake, WakeOn>>;
  /** One for all its waiters, so that those of one job read again together. */
  reread: NodeJS.Timeout;
  /** Resolves when Redis has the subscription. */
  subscribed: Promise<void>;
}

/**
 * Hints that a job has changed. The state in Redis is the truth: a hint says only "read again", and a dropped connection
 * is a hint to everybody. Owns its connection.
 */
export class Notifications {
  private readonly redis: Redis;
  private readonly keys: Keys;
  private readonly buckets = new Map<number, Bucket>();
  private readonly closing = new AbortController();
  private askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(redis: Redis, keys: Keys) {
    this.redis = redis;
    this.keys = keys;
    redis.on("message", (_channel: string, message: string) => {
      const [jobId = "", what] = message.split(",");
      this.wake(jobId, what === END);
    });
    // Whoever waits for a subscription that this has cut off reads, and learns that Redis is away.
    redis.on("close", () => this.wakeAll());
    redis.on("ready", () => void this.afterReconnect());
  }

  /** How many jobs are waited for; for tests and metrics. */
  get size(): number {
    let count = 0;
    for (const { jobs } of this.buckets.values()) count += jobs.size;
    return count;
  }

  /**
   * Reads until `done` accepts what was read, the time is up or the signal aborts, and gives the last reading.
   * Subscribes before the first read, so that no change falls between the two.
   * @throws AppError `redis_unavailable` when the last reading does not come
   */
  async until<T>(
    jobId: string,
    options: { read: () => Promise<T>; done: (value: T) => boolean; waitMs: number; signal?: AbortSignal; wakeOn?: WakeOn },
  ): Promise<T> {
    const deadline = AbortSignal.timeout(options.waitMs);
    const stop = AbortSignal.any([deadline, this.closing.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    let hint = Promise.withResolvers<void>();
    const wake = () => hint.resolve();
    stop.addEventListener("abort", wake);
    if (stop.aborted) wake();
    const { subscribed, release } = this.subscribe(jobId, wake, options.wakeOn ?? "any");
    try {
      await Promise.race([subscribed, hint.promise]);
      for (;;) {
        const value = await inTime(options.read(), stop);
        if (options.done(value) || stop.aborted) return value;
        await hint.promise;
        hint = Promise.withResolvers<void>();
      }
    } finally {
      stop.removeEventListener("abort", wake);
      release();
    }
  }

  get isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  /** Ends all waits, each with a last reading, and wakes whoever has subscribed. */
  async close(): Promise<void> {
    this.closing.abort();
    this.redis.disconnect();
    this.wakeAll();
  }

  /**
   * Calls `wake` at each change of a job, or at its end alone, after a reconnect, every 5 s, or 30, and at the close, until it is
   * released. What is read after `subscribed` has resolved misses nothing later.
   */
  subscribe(jobId: string, wake: Wake, wakeOn: WakeOn): { subscribed: Promise<void>; release: () => void } {
    const number = notifyBucket(jobId);
    const bucket = this.buckets.get(number) ?? this.openBucket(number);
    const wakes = bucket.jobs.get(jobId) ?? new Map<Wake, WakeOn>();
    bucket.jobs.set(jobId, wakes.set(wake, wakeOn));
    const release = () => {
      wakes.delete(wake);
      if (wakes.size === 0) bucket.jobs.delete(jobId);
      if (bucket.jobs.size === 0) this.closeBucket(number);
    };
    return { subscribed: bucket.subscribed, release };
  }

  private openBucket(number: number): Bucket {
    const subscription = this.redis.subscribe(this.keys.notify(number)).then(
      () => {},
      () => {},
    );
    // While Redis is away nobody waits for the subscription: the reconnect makes it and wakes everybody.
    const subscribed = this.redis.status === "ready" ? subscription : Promise.resolve();
    const jobs: Bucket["jobs"] = new Map();
    let rereads = 0;
    const reread = () => {
      this.ask();
      wakeJobs(jobs, ++rereads % REREADS_TO_END === 0 ? "end" : "any");
    };
    const bucket = { jobs, subscribed, reread: setInterval(reread, REREAD_MS) };
    this.buckets.set(number, bucket);
    return bucket;
  }

  /** A subscription hears nothing for long: only what is asked shows that its connection is dead. */
  private ask(): void {
    const now = performance.now();
    if (now - this.askedAtMs < REREAD_MS) return;
    this.askedAtMs = now;
    void this.redis.ping().catch(() => {});
  }

  private closeBucket(number: number): void {
    clearInterval(this.buckets.get(number)?.reread);
    this.buckets.delete(number);
    // A subscription that outlives its waiters costs a few messages and nothing else.
    void this.redis.unsubscribe(this.keys.notify(number)).catch(() => {});
  }

  /** ioredis subscribes again by itself; the ping is answered after that, so what is read then misses nothing later. */
  private async afterReconnect(): Promise<void> {
    await this.redis.ping().catch(() => {});
    this.wakeAll();
  }

  private wake(jobId: string, hasEnded: boolean): void {
    const wakes = this.buckets.get(notifyBucket(jobId))?.jobs.get(jobId) ?? [];
    for (const [wake, wakeOn] of wakes) if (hasEnded || wakeOn === "any") wake();
  }

  private wakeAll(): void {
    for (const { jobs } of this.buckets.values()) wakeJobs(jobs);
  }
}

async function inTime<T>(reading: Promise<T>, stop: AbortSignal): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | null = null;
  const count = () => {
    timer = setTimeout(
      () => reject(new AppError("redis_unavailable", "Redis does not answer; try again in a moment.")),
      LAST_READING_MS,
    );
  };
  if (stop.aborted) count();
  else stop.addEventListener("abort", count, { once: true });
  try {
    return await Promise.race([reading, late]);
  } finally {
    stop.removeEventListener("abort", count);
    if (timer !== null) clearTimeout(timer);
  }
}

/** @param wakeOn "any": only those who read at any change */
function wakeJobs(jobs: Bucket["jobs"], wakeOn: WakeOn = "end"): void {
  for (const wakes of jobs.values()) for (const [wake, on] of wakes) if (wakeOn === "end" || on === "any") wake();
}
