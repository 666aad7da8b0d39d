import type {
  EmbedOutcome,
  EmbedTask,
  GenerateOutcome,
  GenerateTask,
  LoadedModel,
  RerankOutcome,
  RerankTask,
  StopReason,
} from "@llamero/core";
import { AppError, type ErrorCode, isErrorCode } from "@llamero/core";
import type { EngineEvent, Footprint, LoadOptions, Survey } from "./options.ts";

/** An AppError as it crosses the process border: no stack, no cause. */
export interface WireError {
  code: ErrorCode;
  message: string;
  param: string | null;
}

/** New tokens of one task since the last message. */
export interface TaskChunk {
  taskId: string;
  tokens: number[];
  text: string;
}

/** What went through the batches of a model since it was loaded (`StepCounts`), and what its KV cache holds. */
export interface ModelStats {
  steps: number;
  occupied: number;
  capacity: number;
  decodedTokens: number;
  prefillTokens: number;
  /** Tokens that its slots hold now, for jobs or to be reused, and can hold. */
  kvTokens: number;
  kvCapacity: number;
}

/** By the model's name. */
export type EngineStats = Record<string, ModelStats>;

/**
 * Per context of the loaded models (`model/context`), how many slots are in use and how many steps it has begun; of the inputs that
 * are computed whole (`model/inputs`), how many are under way, how many have ended, and the tokens of the longest that is under way.
 */
export type EngineProgress = Record<string, { busy: number; steps: number; stepTokens?: number }>;

/** What the parent tells the child. `survey` or `load` comes first and once. */
export type ToChild =
  | { type: "survey"; options: LoadOptions }
  | { type: "load"; options: LoadOptions }
  | { type: "generate"; task: GenerateTask }
  | { type: "embed"; task: EmbedTask }
  | { type: "rerank"; task: RerankTask }
  | { type: "follow"; taskId: string }
  | { type: "stop"; taskId: string; reason: StopReason }
  | { type: "stats" }
  | { type: "close" };

/** What the child tells the parent. A task's chunks all come before its `generated`. */
export type FromChild =
  | { type: "progress"; event: EngineEvent }
  | { type: "surveyed"; survey: Survey }
  /** `footprints` by the model's name. */
  | { type: "loaded"; models: LoadedModel[]; footprints: Record<string, Footprint> }
  | { type: "load_failed"; error: WireError }
  | { type: "chunks"; chunks: TaskChunk[] }
  /** A task begins to wait for a slot, or has one after all: whatever ends the child while it waits, it is not the task. */
  | { type: "waiting"; taskId: string; isWaiting: boolean }
  | { type: "generated"; taskId: string; outcome: GenerateOutcome }
  | { type: "embedded"; taskId: string; outcome: EmbedOutcome }
  | { type: "reranked"; taskId: string; outcome: RerankOutcome }
  | { type: "failed"; taskId: string; error: WireError }
  | { type: "stats"; stats: EngineStats }
  /** Every second once it is loaded: the event loop turns. */
  | { type: "heartbeat"; progress: EngineProgress };

const toChildTypes: ReadonlySet<string> = new Set<ToChild["type"]>([
  "survey",
  "load",
  "generate",
  "embed",
  "rerank",
  "follow",
  "stop",
  "stats",
  "close",
]);
const fromChildTypes: ReadonlySet<string> = new Set<FromChild["type"]>([
  "progress",
  "surveyed",
  "loaded",
  "load_failed",
  "chunks",
  "waiting",
  "generated",
  "embedded",
  "reranked",
  "failed",
  "stats",
  "heartbeat",
]);

function typeOf(message: unknown): string {
  return typeof message === "object" && message !== null && "type" in message ? String(message.type) : "";
}

/** Both ends run the same source, so the tag decides; a full parse would cost more than the tokens it carries. */
export function isToChild(message: unknown): message is ToChild {
  return toChildTypes.has(typeOf(message));
}

export function isFromChild(message: unknown): message is FromChild {
  return fromChildTypes.has(typeOf(message));
}

export function toWireError(error: AppError): WireError {
  return { code: error.code, message: error.message, param: error.param };
}

export function fromWireError(wire: WireError): AppError {
  return new AppError(isErrorCode(wire.code) ? wire.code : "internal_error", wire.message, { param: wire.param });
}
