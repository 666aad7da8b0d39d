import { AppError, type RunTimings, type StopReason } from "@llamero/core";
import type { Token } from "node-llama-cpp";
import type { EngineProgress } from "../protocol.ts";
import { stopReason } from "./generation.ts";

/** What a pool needs of an `EncoderContext`. */
export interface Encoder {
  readonly size: number;
  encode(tokens: readonly Token[], threads: number): Promise<Float64Array>;
  dispose(): Promise<void>;
}

export interface EncoderPoolOptions {
  /** Opens a context for inputs of so many tokens. */
  open: (size: number) => Promise<Encoder>;
  /** Tokens of the longest input that will come. */
  contextLength: number;
  /** Most contexts at once. */
  contexts: number;
  /** Threads that the contexts may share, asked before each input. */
  threads: () => number;
}

/**
 * Most inputs are short, and a context has buffers for its longest: with a vocabulary of 32,000 a context of 512 tokens took
 * 69 MB, one of 4,096 took 549 MB, nearly all for logits.
 */
const LEAST_SIZE = 512;

/** With fewer, threads wait for each other as long as they compute (15M and 100M parameters, two cores). */
const TOKENS_PER_THREAD = 64;

/** What a task gets. */
export interface EncoderRun {
  /** In the order of its inputs. */
  outputs: Float64Array[];
  timings: RunTimings;
}

/** The inputs of one task. */
interface Work {
  /** When the first of them had a context, on `performance.now()`'s clock. */
  begunAtMs: number | null;
  results: Float64Array[];
  left: number;
  /** It failed or was stopped: what has begun of it is for nobody. */
  isOver: boolean;
  settled: PromiseWithResolvers<void>;
}

interface Input {
  work: Work;
  index: number;
  tokens: readonly Token[];
}

/** A place for one context, which is replaced by a larger one when a longer input comes. */
interface Seat {
  encoder: Encoder | null;
  busy: boolean;
  /** Tokens of the input that it computes. */
  tokens: number;
}

function stopError(reason: StopReason): AppError {
  return reason === "cancelled"
    ? new AppError("cancelled", "The task was cancelled.")
    : new AppError("deadline_exceeded", "The task's deadline passed.");
}

function timingsOf(acceptedAtMs: number, begunAtMs: number | null): RunTimings {
  const begun = begunAtMs ?? performance.now();
  return { wait_ms: begun - acceptedAtMs, prefill_ms: performance.now() - begun, generate_ms: null };
}

/**
 * Computes whole inputs side by side, one per context, the inputs of all tasks in the order they came. Contexts are opened when
 * there is work for one more; each input is computed alone, so that its result is the same in any company.
 */
export class EncoderPool {
  readonly #options: EncoderPoolOptions;
  readonly #seats: Seat[] = [];
  #mostSeats: number;
  #queue: Input[] = [];
  #ended = 0;

  constructor(options: EncoderPoolOptions) {
    this.#options = options;
    this.#mostSeats = options.contexts;
  }

  /**
   * Computes the inputs of a task, which have a token each at least. A stop drops what has not begun, and is answered at once.
   * @throws AppError `cancelled`, `deadline_exceeded`, `engine_failed`
   */
  async run(inputs: readonly (readonly Token[])[], signal: AbortSignal): Promise<EncoderRun> {
    const acceptedAtMs = performance.now();
    const work: Work = {
      begunAtMs: null,
      results: new Array(inputs.length),
      left: inputs.length,
      isOver: false,
      settled: Promise.withResolvers(),
    };
    const onAbort = () => this.#drop(work, stopError(stopReason(signal) ?? "cancelled"));
    signal.addEventListener("abort", onAbort, { once: true });
    for (const [index, tokens] of inputs.entries()) this.#queue.push({ work, index, tokens });
    if (signal.aborted) onAbort();
    if (inputs.length === 0) work.settled.resolve();
    this.#feed();
    try {
      await work.settled.promise;
      return { outputs: work.results, timings: timingsOf(acceptedAtMs, work.begunAtMs) };
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** For the watchdog: an input is one step. */
  progress(): EngineProgress[string] {
    const busy = this.#seats.filter((seat) => seat.busy);
    return { busy: busy.length, steps: this.#ended, stepTokens: Math.max(0, ...busy.map(({ tokens }) => tokens)) };
  }

  #drop(work: Work, error: unknown): void {
    work.isOver = true;
    this.#queue = this.#queue.filter((input) => input.work !== work);
    work.settled.reject(error);
  }

  #feed(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const seat = this.#freeSeat(next.tokens.length);
      if (seat === null) return;
      this.#queue.shift();
      seat.busy = true;
      seat.tokens = next.tokens.length;
      void this.#compute(seat, next);
    }
  }

  /** One whose context is long enough, else one that is to grow, else a new one. */
  #freeSeat(length: number): Seat | null {
    const free = this.#seats.filter((seat) => !seat.busy);
    const seat = free.find(({ encoder }) => (encoder?.size ?? 0) >= length) ?? free[0];
    if (seat !== undefined) return seat;
    if (this.#seats.length >= this.#mostSeats) return null;
    const added: Seat = { encoder: null, busy: false, tokens: 0 };
    this.#seats.push(added);
    return added;
  }

  async #compute(seat: Seat, input: Input): Promise<void> {
    const encoder = await this.#encoderFor(seat, input);
    if (encoder !== null && !input.work.isOver) await this.#encode(encoder, input);
    seat.busy = false;
    this.#ended++;
    this.#feed();
  }

  async #encode(encoder: Encoder, { work, index, tokens }: Input): Promise<void> {
    work.begunAtMs ??= performance.now();
    try {
      work.results[index] = await encoder.encode(tokens, this.#threadsFor(tokens.length));
      if (--work.left === 0) work.settled.resolve();
    } catch (cause) {
      this.#drop(work, new AppError("engine_failed", "The model could not compute an input; see the engine's log.", { cause }));
    }
  }

  #threadsFor(length: number): number {
    const busy = this.#seats.filter((seat) => seat.busy).length;
    const share = Math.floor(this.#options.threads() / busy);
    return Math.max(1, Math.min(share, Math.floor(length / TOKENS_PER_THREAD)));
  }

  /** Where memory does not suffice for this many contexts, the input goes back to the others; null. */
  async #encoderFor(seat: Seat, input: Input): Promise<Encoder | null> {
    const { length } = input.tokens;
    if (seat.encoder !== null && seat.encoder.size >= length) return seat.encoder;
    try {
      const outgrown = seat.encoder;
      seat.encoder = null;
      await outgrown?.dispose();
      seat.encoder = await this.#options.open(this.#sizeFor(length));
      return seat.encoder;
    } catch (cause) {
      this.#seats.splice(this.#seats.indexOf(seat), 1);
      this.#mostSeats = Math.max(1, this.#seats.length);
      if (input.work.isOver) return null;
      if (this.#seats.length > 0) this.#queue.unshift(input);
      else
        this.#drop(input.work, new AppError("engine_failed", "No memory for a context; lower slots or context size.", { cause }));
      return null;
    }
  }

  /** Doubles, so that a context is opened again a few times at most. */
  #sizeFor(length: number): number {
    return Math.min(this.#options.contextLength, Math.max(LEAST_SIZE, 2 ** Math.ceil(Math.log2(length))));
  }
}
