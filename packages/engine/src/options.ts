import type { AppError } from "@llamero/core";
import type { ModelSource } from "./model-source.ts";

export const gpuChoices = ["auto", "cuda", "metal", "vulkan", "false"] as const;
/** `auto` takes what the machine has; a named backend must be there; `false` is the CPU. */
export type GpuChoice = (typeof gpuChoices)[number];

/** What happens while the engine starts. */
export type EngineEvent =
  | { type: "downloading"; model: string; downloadedBytes: number; totalBytes: number }
  /** `ratio` from 0 to 1. */
  | { type: "loading"; model: string; ratio: number }
  /** Less than was asked for fits into memory. */
  | { type: "reduced"; model: string; slots: number; contextSize: number }
  | { type: "loaded"; model: string };

export interface EngineOptions {
  /** At least one; the names are unique. */
  models: ModelSource[];
  gpu: GpuChoice;
  /** Tasks run at once per model. Default: 8 on the CPU, 16 on a GPU; less where memory is short. */
  slots?: number;
  /** Tokens per slot. Default: what the model was trained for, at most 4096; less where memory is short. */
  contextSize?: number;
  /** Threads that decode, per context. Default: the quickest number, measured while loading (on the CPU). */
  threads?: number;
  /** Contexts that the slots of a model are spread over. Default: the quickest number, measured while loading (on the CPU). */
  contexts?: number;
  /** Folder that measurements are kept in, so that the next start need not measure. Default: none. */
  cacheDir?: string;
  /** Where `hf:` models are kept. Default: node-llama-cpp's own folder in the user's home. */
  modelsDir?: string;
  /** Milliseconds between two messages of tokens. Default 25. */
  flushMs?: number;
  /** Milliseconds of silence after which the child is killed: it hangs or was stopped. Default 10,000. */
  silentMs?: number;
  /**
   * Milliseconds without a finished step, while a task is under way, after which the child is killed. Default 60,000. It must
   * be longer than the longest single step, which on a CPU is a prefill of 512 tokens.
   */
  stuckMs?: number;
  onProgress?: (event: EngineEvent) => void;
  /** The child ended by itself; every task under way has been rejected with the same error. */
  onExit?: (error: AppError) => void;
  /** One line of the child's output. */
  onLog?: (line: string) => void;
}

/** The part of the options that the child gets. */
export type LoadOptions = Pick<
  EngineOptions,
  "models" | "gpu" | "slots" | "contextSize" | "threads" | "contexts" | "cacheDir" | "modelsDir" | "flushMs"
>;
