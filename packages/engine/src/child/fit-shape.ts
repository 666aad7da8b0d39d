import { AppError } from "@llamero/core";
import { GgufInsights, type Llama } from "node-llama-cpp";
import type { LoadOptions } from "../options.ts";
import { DEFAULT_BATCH_SIZE } from "./choose-batch.ts";
import { MAX_CONTEXTS } from "./choose-layout.ts";
import type { SlotRange } from "./choose-slots.ts";
import { freeMemory } from "./free-memory.ts";
import type { GgufFile } from "./gguf-file.ts";
import { fits, fitToMemory, type Memory, type Shape } from "./memory-fit.ts";
import type { AdapterFile } from "./model-files.ts";

const DEFAULT_CONTEXT = 4_096;
/**
 * Slots where nobody says how many: measured between these. On an H200, 256 slots made 1.6 times the tokens of 64 (1B parameters,
 * eight contexts each).
 */
const DEFAULT_SLOTS = { cpu: { least: 8, most: 32 }, gpu: { least: 16, most: 256 } };
/** Part of the free memory that the contexts of all models may fill with slots beyond the least. */
const SLOT_SHARE = 0.25;
const slotShare = ({ models }: LoadOptions) => SLOT_SHARE / models.length;

interface Fitting {
  llama: Llama;
  insights: GgufInsights;
  /** What the model's adapters take together. */
  adapterBytes: number;
  /** Tokens of a step at most: buffers are as large as that asks for. */
  batchSize: number;
}

/** What of a model fits into memory. */
export interface Fitted {
  shape: Shape;
  /** What that takes in one context, in bytes. */
  estimated: Memory;
  /** Contexts that its slots may be spread over: each has buffers of its own. */
  mostContexts: number;
  /** What another shape takes. */
  estimate: (shape: Shape, contexts: number) => Promise<Memory>;
  totalLayers: number;
  /** Weights of the model. */
  parameters: number;
}

export interface FitShapeOptions {
  model: string;
  load: LoadOptions;
  file: GgufFile;
  adapters: readonly AdapterFile[];
}

/** How many slots to choose among, of as many as fit. */
export function slotRange(llama: Llama, options: LoadOptions, most: number): SlotRange {
  if (options.slots !== undefined) return { least: most, most };
  const { least } = llama.gpu === false ? DEFAULT_SLOTS.cpu : DEFAULT_SLOTS.gpu;
  return { least: Math.min(least, most), most };
}

/** What was asked for; where nobody asked for slots, as many as may be worth it and leave most of the memory free. */
async function wantedShape(fitting: Fitting, options: LoadOptions, free: Memory): Promise<Shape> {
  const { llama, insights } = fitting;
  const contextSize = Math.min(options.contextSize ?? DEFAULT_CONTEXT, insights.trainContextSize ?? DEFAULT_CONTEXT);
  if (options.slots !== undefined) return { slots: options.slots, contextSize };
  const { least, most } = llama.gpu === false ? DEFAULT_SLOTS.cpu : DEFAULT_SLOTS.gpu;
  const share = slotShare(options);
  const room = { ram: free.ram * share, vram: free.vram * share };
  for (let slots = options.mostSlots ?? most; slots > least; slots = Math.ceil(slots / 2))
    if (fits(await contextMemory(fitting, { slots, contextSize }), room)) return { slots, contextSize };
  return { slots: Math.min(least, options.mostSlots ?? most), contextSize };
}

async function contextMemory({ llama, insights, batchSize }: Fitting, { slots, contextSize }: Shape): Promise<Memory> {
  const { cpuRam, gpuVram } = await insights.estimateContextResourceRequirementsV2({
    contextSize,
    sequences: slots,
    batchSize,
    modelGpuLayers: llama.gpu === false ? 0 : insights.totalLayers,
    flashAttention: "auto",
  });
  return { ram: cpuRam, vram: gpuVram };
}

/** Memory by llama.cpp's estimate; on a GPU with as many layers there as the whole model has. Adapters lie where the model does. */
async function estimate(fitting: Fitting, { slots, contextSize }: Shape, contexts = 1): Promise<Memory> {
  const { llama, insights, adapterBytes } = fitting;
  const gpuLayers = llama.gpu === false ? 0 : insights.totalLayers;
  const model = await insights.estimateModelResourceRequirementsV2({ gpuLayers });
  const context = await contextMemory(fitting, { slots: Math.ceil(slots / contexts), contextSize });
  const ram = model.cpuRam + context.ram * contexts;
  const vram = model.gpuVram + context.vram * contexts;
  return llama.gpu === false ? { ram: ram + adapterBytes, vram } : { ram, vram: vram + adapterBytes };
}

/** What the model may take: what is free or will be, and of the memory that models share no more than was configured. */
async function available(
  llama: Llama,
  { memoryBytes: limitBytes = Number.POSITIVE_INFINITY, heldBytes }: LoadOptions,
): Promise<Memory> {
  const { ram, vram } = await freeMemory(llama, heldBytes);
  return llama.gpu === false ? { ram: Math.min(ram, limitBytes), vram } : { ram, vram: Math.min(vram, limitBytes) };
}

async function fit(fitting: Fitting, model: string, load: LoadOptions): Promise<Shape> {
  const { llama } = fitting;
  const free = await available(llama, load);
  const wanted = await wantedShape(fitting, load, free);
  const need = (shape: Shape) => estimate(fitting, shape);
  return fitToMemory({ model, wanted, free, estimate: need }).catch((error: unknown) => {
    if (llama.gpu === false || load.memoryBytes !== undefined) throw error;
    const sum = ({ ram, vram }: Memory) => ({ ram: ram + vram, vram: 0 });
    return fitToMemory({ model, wanted, free: sum(free), estimate: async (shape) => sum(await need(shape)) });
  });
}

/** As many contexts as fit, and take no more of the memory that one leaves than slots may. */
async function mostContexts(fitting: Fitting, load: LoadOptions, shape: Shape): Promise<number> {
  const { llama } = fitting;
  const [free, one] = await Promise.all([available(llama, load), estimate(fitting, shape)]);
  const share = slotShare(load);
  const room = { ram: one.ram + (free.ram - one.ram) * share, vram: one.vram + (free.vram - one.vram) * share };
  let contexts = llama.gpu === false ? MAX_CONTEXTS.cpu : MAX_CONTEXTS.gpu;
  while (contexts > 1 && !fits(await estimate(fitting, shape, contexts), room)) contexts /= 2;
  return contexts;
}

/**
 * How many slots of how many tokens fit into the memory that is free, before anything is loaded.
 * A model that is too large for the GPU alone is split between it and the CPU by the library; then both memories count as one.
 * Under a configured limit it is not: what would be left for the other models is not the library's to know.
 * @throws AppError `model_too_large`
 */
export async function fitShape(llama: Llama, options: FitShapeOptions): Promise<Fitted> {
  const { model, load, file, adapters } = options;
  const insights = await GgufInsights.from(file.info, llama);
  const adapterBytes = adapters.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const fitting = { llama, insights, adapterBytes, batchSize: load.batchSize ?? DEFAULT_BATCH_SIZE };
  const shape = await fit(fitting, model, load).catch((error: unknown) => {
    if (load.memoryBytes === undefined || !(error instanceof AppError)) throw error;
    const limit = `Models may take ${(load.memoryBytes / 1e9).toFixed(1)} GB here; LLAMERO_MEMORY_GB says how much.`;
    throw new AppError(error.code, `${error.message} ${limit}`);
  });
  const { totalLayers, totalParameters: parameters } = insights;
  return {
    shape,
    estimated: await estimate(fitting, shape),
    mostContexts: await mostContexts(fitting, load, shape),
    estimate: (other, contexts) => estimate(fitting, other, contexts),
    totalLayers,
    parameters,
  };
}
