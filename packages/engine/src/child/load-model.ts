import { availableParallelism } from "node:os";
import { AppError } from "@llamero/core";
import { GgufInsights, InsufficientMemoryError, type Llama, type LlamaContext, type LlamaModel } from "node-llama-cpp";
import type { ModelSource } from "../model-source.ts";
import type { EngineEvent, LoadOptions } from "../options.ts";
import { BatchStrategy } from "./batch-strategy.ts";
import { chooseThreads } from "./choose-threads.ts";
import { ContextGate } from "./context-gate.ts";
import { localPath } from "./download.ts";
import { freeMemory } from "./free-memory.ts";
import { type GgufFile, readGgufFile } from "./gguf-file.ts";
import { fitToMemory, type Memory, type Shape, smaller } from "./memory-fit.ts";
import { modelFacts } from "./model-facts.ts";
import { ModelHost } from "./model-host.ts";
import { chatTemplate } from "./prompt.ts";
import { timeStep } from "./time-step.ts";

const DEFAULT_CONTEXT = 4_096;
const DEFAULT_SLOTS = { cpu: 4, gpu: 8 };
/** Tokens that one step computes at most: llama.cpp's default. */
const BATCH_SIZE = 512;
/** A loading event for every tenth. */
const PROGRESS_STEP = 0.1;

interface Loading {
  llama: Llama;
  source: ModelSource;
  options: LoadOptions;
  onEvent: (event: EngineEvent) => void;
}

function wantedShape(llama: Llama, insights: GgufInsights, options: LoadOptions): Shape {
  const trained = insights.trainContextSize ?? DEFAULT_CONTEXT;
  return {
    slots: options.slots ?? (llama.gpu === false ? DEFAULT_SLOTS.cpu : DEFAULT_SLOTS.gpu),
    contextSize: Math.min(options.contextSize ?? DEFAULT_CONTEXT, trained),
  };
}

/** Memory by llama.cpp's estimate; on a GPU with as many layers there as the whole model has. */
async function estimate(llama: Llama, insights: GgufInsights, { slots, contextSize }: Shape): Promise<Memory> {
  const gpuLayers = llama.gpu === false ? 0 : insights.totalLayers;
  const model = await insights.estimateModelResourceRequirementsV2({ gpuLayers });
  const context = await insights.estimateContextResourceRequirementsV2({
    contextSize,
    sequences: slots,
    batchSize: BATCH_SIZE,
    modelGpuLayers: gpuLayers,
    flashAttention: "auto",
  });
  return { ram: model.cpuRam + context.cpuRam, vram: model.gpuVram + context.gpuVram };
}

/** A model that is too large for the GPU alone is split between it and the CPU by the library; then both memories count as one. */
async function fitShape({ llama, source, options }: Loading, file: GgufFile): Promise<Shape> {
  const insights = await GgufInsights.from(file.info, llama);
  const wanted = wantedShape(llama, insights, options);
  const free = await freeMemory(llama);
  const fit = (memory: Memory, size: (shape: Shape) => Promise<Memory>) =>
    fitToMemory({ model: source.name, wanted, free: memory, estimate: size });
  const onGpu = (shape: Shape) => estimate(llama, insights, shape);
  if (llama.gpu === false) return fit(free, onGpu);
  return fit(free, onGpu).catch(() =>
    fit({ ram: free.ram + free.vram, vram: 0 }, async (shape) => {
      const { ram, vram } = await onGpu(shape);
      return { ram: ram + vram, vram: 0 };
    }),
  );
}

async function loadWeights({ llama, source, onEvent }: Loading, file: GgufFile, shape: Shape): Promise<LlamaModel> {
  let reported = 0;
  try {
    return await llama.loadModel({
      modelPath: file.path,
      gpuLayers: { fitContext: { contextSize: shape.slots * shape.contextSize } },
      onLoadProgress: (ratio) => {
        if (ratio < reported + PROGRESS_STEP && ratio < 1) return;
        reported = ratio;
        onEvent({ type: "loading", model: source.name, ratio });
      },
    });
  } catch (error) {
    if (error instanceof InsufficientMemoryError) throw tooLarge(source, error);
    const text = `${file.path} could not be loaded: it is truncated, damaged, or of an architecture that this llama.cpp does not know.`;
    throw new AppError("model_file_invalid", text, { cause: error });
  }
}

function tooLarge(source: ModelSource, cause: unknown): AppError {
  const text = `Model "${source.name}" does not fit into memory. Take a smaller model or quantization, or more memory.`;
  return new AppError("model_too_large", text, { cause });
}

/** On a GPU the threads only feed it, so that there is nothing to try. */
async function threadsFor({ llama, options }: Loading, model: LlamaModel, { slots }: Shape): Promise<number> {
  const cores = Math.max(1, Math.min(llama.cpuMathCores, availableParallelism()));
  if (options.threads !== undefined) return options.threads;
  return llama.gpu === false ? chooseThreads(cores, (threads) => timeStep(model, threads, slots)) : cores;
}

interface OpenedContext {
  context: LlamaContext;
  strategy: BatchStrategy;
  gate: ContextGate;
  shape: Shape;
}

/** Makes the context; where the estimate was too low, tries smaller ones. */
async function openContext(model: LlamaModel, source: ModelSource, threads: number, wanted: Shape): Promise<OpenedContext> {
  const gate = new ContextGate();
  const strategy = new BatchStrategy(() => gate.closed);
  let failure: unknown;
  for (let shape: Shape | null = wanted; shape !== null; shape = smaller(shape)) {
    try {
      const context = await model.createContext({
        sequences: shape.slots,
        contextSize: shape.contextSize,
        batchSize: BATCH_SIZE,
        threads,
        batching: { itemPrioritizationStrategy: strategy.prioritize },
      });
      return { context, strategy, gate, shape };
    } catch (error) {
      failure = error;
    }
  }
  throw tooLarge(source, failure);
}

/**
 * Brings one model into memory, ready to run tasks.
 * @throws AppError `model_file_invalid`, `model_too_large`, `model_download_failed`
 */
export async function loadModel(loading: Loading): Promise<ModelHost> {
  const { llama, source, options, onEvent } = loading;
  const file = await readGgufFile(await localPath(source, options.modelsDir, onEvent));
  const fitted = await fitShape(loading, file);
  const model = await loadWeights(loading, file, fitted);
  const threads = await threadsFor(loading, model, fitted);
  const { context, strategy, gate, shape } = await openContext(model, source, threads, fitted);
  const { slots, contextSize } = options;
  if ((slots ?? 0) > shape.slots || (contextSize ?? 0) > context.contextSize)
    onEvent({ type: "reduced", model: source.name, slots: shape.slots, contextSize: context.contextSize });
  const template = chatTemplate(model);
  const facts = modelFacts({
    name: source.name,
    file,
    model,
    contextLength: context.contextSize,
    slots: shape.slots,
    hasTemplate: template !== null,
  });
  console.info(
    `Model ${source.name}: ${shape.slots} slots of ${context.contextSize} tokens, ${threads} threads, on ${llama.gpu || "CPU"}.`,
  );
  onEvent({ type: "loaded", model: source.name });
  return new ModelHost({ llama, model, context, strategy, gate, template, threads, facts });
}
