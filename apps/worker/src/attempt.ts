import {
  type AnsweredJob,
  type AppError,
  blamesModel,
  decideRetry,
  type EmbeddingRequest,
  type ErrorCode,
  type GenerateOutcome,
  type OutputParts,
  type RerankRequest,
  type RunTimings,
  type Runtime,
  type StopReason,
  type Timings,
  type TokenChunk,
  toAppError,
} from "@llamero/core";
import type { LoadedHooks, Logger } from "@llamero/process";
import type { Claim, Ending, Fault, Store } from "@llamero/store";
import { ChunkWriter } from "./chunk-writer.ts";
import { type Embedded, embedKnown } from "./embed-known.ts";
import { markOf, ranBy } from "./mark-of.ts";

/** How long the engine may take to let go of a job that is handed back, in milliseconds; a hung one never does. */
const LET_GO_MS = 250;

/** What the engine says of embeddings and rankings that it was told to stop. */
const STOPPED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["cancelled", "deadline_exceeded"]);

export interface AttemptOptions {
  store: Store;
  /** Gives the engine when this attempt may have it; null when the signal came first. */
  engine: (signal: AbortSignal) => Promise<Runtime | null>;
  claim: Claim;
  model: string;
  /** Sees what the model has answered before anybody else does. Null: nothing is to see it. */
  afterFinish: LoadedHooks["afterFinish"];
  logger: Logger;
  /** It waits for a slot: all are taken. */
  onWaiting: () => void;
}

/** `preempted`: its slot is wanted by a more urgent job. */
type StopCause = StopReason | "handback" | "preempted" | "fenced";
const LEAVING: ReadonlySet<StopCause> = new Set<StopCause>(["handback", "preempted", "fenced"]);

/** One attempt at a claimed job: runs it, stores its tokens, and says how it ended. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #taskId: string;
  readonly #stopped = new AbortController();
  /** Its tokens are another's to make again. */
  readonly #leaving = new AbortController();
  readonly #givenUp = Promise.withResolvers<null>();
  #letGo: NodeJS.Timeout | null = null;
  #writer: ChunkWriter | null = null;
  #runtime: Runtime | null = null;
  #stopCause: StopCause | null = null;
  /** It generates, and does not wait for a slot. */
  #isInSlot = false;
  #madeTokens = 0;

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.#taskId = `${options.claim.jobId}-${options.claim.fence}`;
  }

  /** It generates in a slot, and nothing has told it to stop. */
  get hasSlot(): boolean {
    return this.#isInSlot && this.#stopCause === null;
  }

  /** What it has made by itself. */
  get madeTokens(): number {
    return this.#madeTokens;
  }

  /** Ends the attempt early: with what it has (`cancelled`, `deadline`), back to the queue, or without a trace. */
  stop(cause: StopCause): void {
    this.#stopCause ??= cause;
    this.#stopped.abort();
    if (LEAVING.has(cause)) this.#leaving.abort();
    if (cause === "handback" || cause === "preempted") this.#letGo ??= setTimeout(() => this.#givenUp.resolve(null), LET_GO_MS);
    this.#runtime?.stop(this.#taskId, cause === "deadline" ? "deadline" : "cancelled");
  }

  /**
   * The lock of its carrier is lost, so another worker may take the job. Nothing is written until the record has said whose it is, and
   * the attempt goes on unless it is somebody else's: the fence decides, not the lock.
   */
  lockLost(): void {
    const checked = this.#options.store.isHeld(this.#options.claim).then((isHeld) => {
      if (!isHeld) this.stop("fenced");
    });
    // Without an answer there is no write either, and a write is refused when the fence has moved.
    checked.catch(() => {});
    this.#writer?.pause(checked);
  }

  /** Runs to the end. Null: the job is somebody else's now, and nothing is to be written. */
  async run(): Promise<Ending | null> {
    const ending = await this.#ending();
    if (this.#letGo !== null) clearTimeout(this.#letGo);
    return this.#stopCause === "fenced" ? null : ending;
  }

  /** Every token that came is stored by then, so that the next attempt goes on behind it. */
  async #ending(): Promise<Ending> {
    try {
      const work = this.#work();
      // After a hung engine was left to itself, nobody waits for what becomes of it.
      work.catch(() => {});
      const ending = (await Promise.race([work, this.#givenUp.promise])) ?? { status: "queued" };
      await this.#writer?.flush();
      if (ending.status !== "cancelled") return ending;
      if (this.#stopCause === "handback") return { status: "queued" };
      return this.#stopCause === "preempted" ? { status: "queued", countsAs: "preempted" } : ending;
    } catch (error) {
      // What ended the attempt is to be told, and not that its last tokens could not be stored: they are made again.
      await this.#writer?.flush().catch(() => {});
      return this.#failure(toAppError(error, "engine_failed", "The engine failed on this job."));
    }
  }

  async #work(): Promise<Ending> {
    const { claim, model } = this.#options;
    const runtime = await this.#options.engine(this.#stopped.signal);
    // Nothing has run, so nothing counts; a job that was asked to stop ends as it was asked.
    if (runtime === null || runtime.isOver) return { status: "queued" };
    this.#runtime = runtime;
    const { request, emitted } = claim;
    if (request.type === "embedding" || request.type === "rerank") return this.#read(runtime, request);
    this.#isInSlot = true;
    const { afterFinish } = this.#options;
    const writer = afterFinish === null ? this.#openWriter() : null;
    const { tokens, text } = emitted;
    const { isWatched: isFollowed, priority, session } = claim;
    const isUrgent = priority === "high";
    const task = { id: this.#taskId, model, request, emitted: { tokens, text }, isFollowed, isUrgent, session };
    const onChunk = (chunk: TokenChunk) => {
      this.#madeTokens += chunk.tokens.length;
      writer?.add(chunk);
    };
    const outcome = runtime.generate(task, onChunk, (isWaiting) => this.#setWaiting(isWaiting));
    // A stop that came before the engine knew of the task was ignored by it.
    if (this.#stopCause !== null) this.stop(this.#stopCause);
    const made = await outcome;
    // What leaves is made again elsewhere, and seen there.
    const answer = afterFinish === null || this.#leaving.signal.aborted ? made : await this.#hooked(made, afterFinish);
    return { ...endingOf(answer, claim), ...ranBy(runtime, model) };
  }

  /** An answer that a hook has seen comes as a whole, behind what was given out before there was one. */
  async #hooked(outcome: GenerateOutcome, afterFinish: NonNullable<LoadedHooks["afterFinish"]>): Promise<GenerateOutcome> {
    const { text, toolCalls, finishReason } = outcome;
    const calls = toolCalls === undefined ? {} : { tool_calls: toolCalls };
    const seen = await afterFinish(this.#answered({ text, finish_reason: finishReason, ...calls }));
    const changed = seen.text ?? "";
    const before = this.#options.claim.emitted.text;
    return {
      ...outcome,
      text: changed,
      tail: changed.startsWith(before) ? changed.slice(before.length) : changed,
      ...(seen.tool_calls === undefined ? {} : { toolCalls: seen.tool_calls }),
    };
  }

  #answered(output: OutputParts): AnsweredJob {
    const { claim, model } = this.#options;
    return { id: claim.jobId, owner: claim.owner, model, request: claim.request, output };
  }

  /** Runs what generates nothing: its result comes whole. */
  async #read(runtime: Runtime, request: EmbeddingRequest | RerankRequest): Promise<Ending> {
    const { model, claim } = this.#options;
    const task = { id: this.#taskId, model };
    const outcome = request.type === "embedding" ? this.#embed(runtime, request) : runtime.rerank({ ...task, request });
    if (this.#stopCause !== null) this.stop(this.#stopCause);
    const { usage, timings, ...read } = await outcome;
    const { afterFinish } = this.#options;
    const output = afterFinish === null ? read : await afterFinish(this.#answered(read));
    const result = { ...output, usage, timings: storedTimings(claim, timings) };
    // Of embeddings, each text's vector is kept by itself.
    const ran = request.type === "embedding" ? {} : ranBy(runtime, model);
    return { status: "succeeded", result, completionTokens: 0, ...ran };
  }

  #embed(runtime: Runtime, request: EmbeddingRequest): Promise<Embedded> {
    const { store, claim, model, afterFinish, logger } = this.#options;
    const compute = (texts: string[]) => {
      const outcome = runtime.embed({ id: this.#taskId, model, request: { ...request, input: texts } });
      if (this.#stopCause !== null) this.stop(this.#stopCause);
      return outcome;
    };
    // A hook sees answers and not vectors one by one: then none is kept, so that none goes out unseen.
    const mark = afterFinish === null ? markOf(runtime, model) : null;
    return embedKnown(request.input, { store, claim, mark, compute, logger });
  }

  #setWaiting(isWaiting: boolean): void {
    this.#isInSlot = !isWaiting;
    if (isWaiting) this.#options.onWaiting();
  }

  #openWriter(): ChunkWriter {
    const { store, claim } = this.#options;
    const onStop = (reason: StopReason) => this.stop(reason);
    const onFenced = () => this.stop("fenced");
    const onFollowed = () => this.#runtime?.follow(this.#taskId);
    this.#writer = new ChunkWriter({ store, claim, onFollowed, onStop, onFenced, enough: this.#leaving.signal });
    return this.#writer;
  }

  #failure(error: AppError): Ending {
    const { counts } = this.#options.claim;
    // What generates nothing has nothing to show when it is stopped: the store ends it as it was asked to, or hands it on.
    if (this.#stopCause !== null && STOPPED.has(error.code)) return { status: "queued" };
    // The engine was closed over it: the worker is stopping.
    if (this.#stopCause !== null && LEAVING.has(this.#stopCause) && error.code === "engine_failed") return { status: "queued" };
    const decision = decideRetry(error.code, counts);
    const fault = faultOf(error, !decision.retry);
    if (decision.retry) {
      const { countsAs, startsAnew } = decision;
      return { status: "queued", ...(countsAs === null ? {} : { countsAs }), ...(startsAnew ? { startsAnew } : {}), ...fault };
    }
    const isProven = error.code === "engine_crashed";
    const proof = ` It had ended ${counts.crashes} times while this job ran among others; this time the job ran alone.`;
    return { status: "failed", error: { code: error.code, message: isProven ? error.message + proof : error.message }, ...fault };
  }
}

/** What an attempt that ended so says against its model. */
function faultOf({ code, retryAfterSeconds }: AppError, isLast: boolean): { fault?: Fault } {
  if (!blamesModel(code, isLast)) return {};
  return { fault: { code, waitMs: retryAfterSeconds === null ? null : retryAfterSeconds * 1_000 } };
}

/** To the tenth of a millisecond: what is below is noise. */
function storedTimings(
  { queueMs, firstTokenMs }: Pick<Claim, "queueMs" | "firstTokenMs">,
  { wait_ms, prefill_ms, generate_ms }: RunTimings,
): Timings {
  const round = (ms: number | null) => (ms === null ? null : Math.round(ms * 10) / 10);
  const hasTokens = prefill_ms !== null && generate_ms !== null;
  return {
    queue_ms: round(queueMs + wait_ms),
    prefill_ms: round(prefill_ms),
    first_token_ms: firstTokenMs ?? (hasTokens ? round(queueMs + wait_ms + prefill_ms) : null),
    generate_ms: round(generate_ms),
  };
}

function endingOf({ text, tail, toolCalls, finishReason, usage, timings }: GenerateOutcome, claim: Claim): Ending {
  const ended = { stop: "succeeded", length: "succeeded", tool_calls: "succeeded" } as const;
  const statuses = { ...ended, cancelled: "cancelled", deadline: "expired" } as const;
  const result = { text, finish_reason: finishReason, usage, timings: storedTimings(claim, timings) };
  return {
    status: statuses[finishReason],
    result: toolCalls === undefined ? result : { ...result, tool_calls: toolCalls },
    completionTokens: usage.completion_tokens,
    tail,
  };
}
