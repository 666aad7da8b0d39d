import { AppError } from "@llamero/core";
import type { LlamaContext, LlamaModel } from "node-llama-cpp";

/** What a sampler is set to. Everything absent is taken away, but for the seed, which stays. */
export interface SamplerConfig {
  temperature: number;
  seed: number;
  /** Texts; false: those that it has. */
  dryRepeatPenaltySequenceBreakers?: readonly string[] | false;
  repeatPenaltyTokens?: Uint32Array;
  tokenBiasKeys?: Uint32Array;
  tokenBiasValues?: Float32Array;
}

/** llama.cpp's sampler chain, with what it remembers. It holds 12 bytes for each token of the vocabulary. */
export interface NativeSampler {
  applyConfig(config: SamplerConfig): void;
}

/** A llama.cpp context: batches go in, logits stay inside, sampled tokens come out. */
export interface NativeContext {
  /** Begins a batch of exactly so many tokens. */
  initBatch(tokens: number): void;
  /**
   * @param firstPosition of the tokens in the sequence
   * @param wanted indexes of the tokens whose logits are needed
   * @returns where in the batch those logits will be
   */
  addToBatch(sequenceId: number, firstPosition: number, tokens: Uint32Array, wanted: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  /** @returns -1 when nothing could be sampled */
  sampleToken(logitsAt: number, sampler: NativeSampler): Promise<number>;
  setThreads(threads: number): void;
  removeTokenCellsFromSequence(sequenceId: number, start: number, end: number): boolean;
  getSequenceKvCacheMinPosition(sequenceId: number): number;
}

const methods: (keyof NativeContext)[] = [
  "initBatch",
  "addToBatch",
  "decodeBatch",
  "sampleToken",
  "setThreads",
  "removeTokenCellsFromSequence",
  "getSequenceKvCacheMinPosition",
];

/** The library's inside is not its interface: its exact version is pinned, and another one is noticed when a model is opened. */
export function unknownLibrary(what: string): AppError {
  const text = `This version of node-llama-cpp has other ${what} than expected; install the version that package.json names.`;
  return new AppError("internal_error", text);
}

/** @throws AppError `internal_error` */
export function nativeContext(context: LlamaContext): NativeContext {
  const native = (context as unknown as { _ctx?: Partial<NativeContext> })._ctx;
  if (native === undefined || methods.some((method) => typeof native[method] !== "function")) throw unknownLibrary("contexts");
  return native as NativeContext;
}

interface ModelInside {
  _model: unknown;
  _llama: { _bindings: { AddonSampler: new (model: unknown) => NativeSampler } };
}

/** @throws AppError `internal_error` */
export function nativeSampler(model: LlamaModel): NativeSampler {
  const inside = model as unknown as Partial<ModelInside>;
  const Sampler = inside._llama?._bindings.AddonSampler;
  if (Sampler === undefined || inside._model === undefined) throw unknownLibrary("samplers");
  return new Sampler(inside._model);
}
