import { setTimeout as pause } from "node:timers/promises";
import { type Random, seededRandom } from "@llamero/testkit";

export interface CallOptions {
  method?: "GET" | "POST";
  body?: object;
  headers?: Record<string, string>;
  /** Statuses that are an answer. Default: 200, 202 and 204. */
  accepts?: readonly number[];
}

/** After an answer that never came, in milliseconds; a refusal says itself when to come back. */
const AGAIN_MS = 100;
/** Longest wait for an answer's head, and for the rest of one that is JSON, in milliseconds. */
const PATIENCE_MS = 8_000;
const BUSY = [429, 503];
const GOOD = [200, 202, 204];

/** A client that asks one API after another until it has its answer. */
export class StubbornClient {
  readonly #urls: readonly [string, ...string[]];
  readonly #random: Random;
  /** Calls that broke off, or were not answered. */
  broken = 0;
  /** Answers 429 and 503, and those among them that did not say when to come back. */
  refused = 0;
  withoutRetryAfter = 0;
  /** How long each took to refuse, in milliseconds. */
  readonly refusedMs: number[] = [];
  /** Answers that no client should get, in words. */
  readonly surprises: string[] = [];

  constructor(urls: readonly [string, ...string[]], seed: number) {
    this.#urls = urls;
    this.#random = seededRandom(seed);
  }

  /** The answer's JSON, when some API has given a good one. @param signal gives up */
  async json<T>(path: string, options: CallOptions, signal: AbortSignal): Promise<T> {
    for (;;) {
      const response = await this.response(path, options, signal);
      // An answer may break off in its middle, or stop there.
      const text = await within(PATIENCE_MS, response.text()).catch(() => null);
      if (text !== null) return JSON.parse(text) as T;
      await response.body?.cancel().catch(() => {});
      this.broken += 1;
    }
  }

  /** The first good answer, whose body has yet to come. */
  async response(path: string, options: CallOptions, signal: AbortSignal): Promise<Response> {
    for (;;) {
      signal.throwIfAborted();
      const response = await this.#once(path, options);
      if (response !== null && (options.accepts ?? GOOD).includes(response.status)) return response;
      await pause(response === null ? AGAIN_MS : await this.#refusal(path, response));
    }
  }

  async #once(path: string, { method = "GET", body, headers }: CallOptions): Promise<Response | null> {
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const startedAt = performance.now();
    const impatience = new AbortController();
    const timer = setTimeout(() => impatience.abort(), PATIENCE_MS);
    try {
      const response = await fetch(this.#random.pick(this.#urls) + path, {
        method,
        headers: { "content-type": "application/json", ...headers },
        signal: impatience.signal,
        ...json,
      });
      if (BUSY.includes(response.status)) this.refusedMs.push(performance.now() - startedAt);
      return response;
    } catch {
      this.broken += 1;
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  /** @returns how long to wait */
  async #refusal(path: string, response: Response): Promise<number> {
    const text = await within(PATIENCE_MS, response.text()).catch(() => "");
    if (!BUSY.includes(response.status)) {
      this.surprises.push(`${path} answered ${response.status}: ${text}`);
      return AGAIN_MS;
    }
    this.refused += 1;
    const seconds = Number(response.headers.get("retry-after"));
    if (seconds > 0) return seconds * 1_000;
    this.withoutRetryAfter += 1;
    return AGAIN_MS;
  }
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`nothing came for ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
