import type { FinishReason, RerankResult, Usage } from "./job.ts";
import type { EmbeddingRequest, GenerateRequest, RerankRequest } from "./job-request.ts";
import type { ModelEntry } from "./model.ts";
import type { ToolCall } from "./tools.ts";

/** What a backend says of a model it has loaded; the worker adds name, order and time. */
export type LoadedModel = Omit<ModelEntry, "v" | "slug" | "is_default" | "registered_at_ms"> & {
  /** Jobs the backend runs at once for this model. */
  slots: number;
};

/** Stands for a token whose id the backend does not tell: another server's. */
export const UNKNOWN_TOKEN = -1;

/** New tokens of one generation: never revised, never repeated. */
export interface TokenChunk {
  tokens: number[];
  /** The text these tokens release; shorter than they spell while a stop text or a UTF-8 sequence may be under way. */
  text: string;
}

/** Where a task's time went in the runtime, in milliseconds. */
export interface RunTimings {
  /** From its arrival until it had a slot. */
  wait_ms: number;
  /** From then to its first new token; of tasks without one, all of it. Null: it never had a slot. */
  prefill_ms: number | null;
  /** From the first token to the end; null when there was none. */
  generate_ms: number | null;
}

export interface GenerateTask {
  /** Unique among the tasks under way in one runtime. */
  id: string;
  model: string;
  request: GenerateRequest;
  /** All that earlier attempts have emitted, token by token: the generation goes on behind it. Default: nothing. */
  emitted?: TokenChunk;
  /** Somebody reads along, and its chunks come as soon as is reasonable. Default: false. */
  isFollowed?: boolean;
  /** It goes before others that wait for a slot. Default: false. */
  isUrgent?: boolean;
  /** The conversation that it is a turn of: what it leaves in its slot is kept for the next one. Default: null, of none. */
  session?: string | null;
}

export interface GenerateOutcome {
  /** What was emitted before, all chunks' texts, and the tail; tool calls are not in it. */
  text: string;
  /** The end of `text`, which was held back and stands in no chunk; empty for most. */
  tail: string;
  /** Present where there is at least one. */
  toolCalls?: ToolCall[];
  finishReason: FinishReason;
  /** `completion_tokens` are those emitted before too. */
  usage: Usage;
  timings: RunTimings;
}

export interface EmbedTask {
  id: string;
  model: string;
  request: EmbeddingRequest;
}

export interface EmbedOutcome {
  /** One unit vector per input, of floats of 32 bits. */
  embeddings: number[][];
  /** The tokens of each input. Absent where that is not known: then vectors are not kept for other jobs. */
  inputTokens?: number[];
  usage: Usage;
  timings: RunTimings;
}

export interface RerankTask {
  id: string;
  model: string;
  request: RerankRequest;
}

export interface RerankOutcome {
  /** The best first, `top_n` at most. */
  results: RerankResult[];
  usage: Usage;
  timings: RunTimings;
}

/** Why a task is stopped; it becomes the outcome's finish reason. */
export type StopReason = Extract<FinishReason, "cancelled" | "deadline">;

/**
 * Something that runs models. All methods reject with AppError: `context_length_exceeded`, `model_not_found`,
 * `engine_failed`, `engine_crashed`, and of another server `backend_unavailable`, `backend_failed`, `backend_refused`.
 */
export interface Runtime {
  readonly models: readonly LoadedModel[];
  /** True once it has ended or is closing: it takes no more tasks, and rejects them unstarted. */
  readonly isOver: boolean;
  /**
   * Generates, giving chunks as they come; a stopped task resolves with what it has. What was emitted before is not given again.
   * `onWaiting` is told when the task begins to wait for a slot, and when it waits no more; of most it is never told.
   * Rejects also with `model_changed`, when this model does not read the emitted tokens as the text that came with them, and with
   * `backend_diverged`, when the server that it runs on begins another text.
   */
  generate(
    task: GenerateTask,
    onChunk: (chunk: TokenChunk) => void,
    onWaiting?: (isWaiting: boolean) => void,
  ): Promise<GenerateOutcome>;
  embed(task: EmbedTask): Promise<EmbedOutcome>;
  rerank(task: RerankTask): Promise<RerankOutcome>;
  /** From now on somebody reads along with a task that generates; unknown ids are ignored. */
  follow(taskId: string): void;
  /** Stops a task within one decode step; unknown ids are ignored. */
  stop(taskId: string, reason: StopReason): void;
  /** Ends everything; legal to call twice. */
  close(): Promise<void>;
}
