import type { AppError, LoadedModel } from "@llamero/core";
import type { Memory } from "./child/memory-fit.ts";
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
  /** `layout`: how it lies in its process and why so, in a sentence. */
  | { type: "loaded"; model: string; layout: string };

/** What a loaded model takes, and where it lies. */
export interface Footprint {
  /** The backend that it runs on; false is the CPU. */
  gpu: string | false;
  /** Layers on the GPU, of all that it has. */
  gpuLayers: number;
  totalLayers: number;
  /** llama.cpp's estimate from before it was loaded, in bytes. */
  estimated: Memory;
  /** By how much the GPU's memory in use rose while it was loaded, in bytes; 0 on the CPU. */
  usedVram: number;
}

/** A model as its file tells, without being loaded. */
export interface SurveyedModel {
  /** Names the file: what was to be downloaded is on this machine. */
  source: ModelSource;
  /** With the slots and the context that fit when the model has the memory for itself. */
  facts: LoadedModel;
  /** What its adapters make of it. */
  variants: LoadedModel[];
  /** Bytes that it takes in the memory that is shared out: the GPU's, or RAM on the CPU. */
  sizeBytes: number;
}

export interface Survey {
  /** The backend that models will run on; false is the CPU. */
  gpu: string | false;
  /** Bytes that models share: as configured, else what is free on the GPU, or most of what is free in RAM. */
  budgetBytes: number;
  models: SurveyedModel[];
}

export interface EngineOptions {
  /** At least one; the names are unique. */
  models: ModelSource[];
  gpu: GpuChoice;
  /** Tasks run at once per model. Default: measured while loading, up to `mostSlots`; fewer where memory is short. */
  slots?: number;
  /** Most tasks at once where their number is measured. Default: 32 on the CPU, 64 on a GPU; fewer where memory is short. */
  mostSlots?: number;
  /** Tokens per slot. Default: what the model was trained for, at most 4096; less where memory is short. */
  contextSize?: number;
  /** Threads that decode, per context. Default: the quickest number, measured while loading (on the CPU). */
  threads?: number;
  /** Contexts that the slots of a model are spread over. Default: the quickest number, measured while loading (on the CPU). */
  contexts?: number;
  /** Tokens that a step computes at most. Default: 512; on a CPU fewer where steps would be long, measured while loading. */
  batchSize?: number;
  /** Folder that measurements are kept in, so that the next start need not measure. Default: none. */
  cacheDir?: string;
  /** Bytes that a model may take of the GPU's memory, or of RAM on the CPU. Default: what is free. */
  memoryBytes?: number;
  /** Bytes of that memory that are given back before these models are loaded: a survey counts them as free. Default: 0. */
  heldBytes?: number;
  /** Where `hf:` models are kept. Default: node-llama-cpp's own folder in the user's home. */
  modelsDir?: string;
  /** Milliseconds that a token waits for others to be sent with. Default: 25 for tasks that somebody follows, 100 for others. */
  flushMs?: number;
  /** Milliseconds for which a slot stays with a session after its last turn, while others are free. Default 600,000. */
  sessionMs?: number;
  /** Milliseconds of silence after which the child is killed: it hangs or was stopped. Default 10,000. */
  silentMs?: number;
  /**
   * Milliseconds without a finished step, while a task is under way, after which the child is killed. Default 60,000. It must
   * be longer than the longest single step, which on a CPU is a prefill of 512 tokens.
   */
  stuckMs?: number;
  /** Ends a start that is under way. */
  signal?: AbortSignal;
  onProgress?: (event: EngineEvent) => void;
  /** The child ended by itself; every task under way has been rejected with the same error. */
  onExit?: (error: AppError) => void;
  /** One line of the child's output. */
  onLog?: (line: string) => void;
}

/** The part of the options that the child gets. */
export type LoadOptions = Pick<
  EngineOptions,
  | "models"
  | "gpu"
  | "slots"
  | "mostSlots"
  | "contextSize"
  | "threads"
  | "contexts"
  | "batchSize"
  | "cacheDir"
  | "memoryBytes"
  | "heldBytes"
  | "modelsDir"
  | "flushMs"
  | "sessionMs"
>;
