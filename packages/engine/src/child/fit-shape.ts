import { GgufInsights, type Llama } from "node-llama-cpp";
import type { LoadOptions } from "../options.ts";
import { freeMemory } from "./free-memory.ts";
import type { GgufFile } from "./gguf-file.ts";
import { fitToMemory, type Memory, type Shape } from "./memory-fit.ts";
import { BATCH_SIZE } from "./slot-context.ts";

const DEFAULT_CONTEXT = 4_096;
const DEFAULT_SLOTS = { cpu: 8, gpu: 16 };

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

/**
 * How many slots of how many tokens fit into the memory that is free, before anything is loaded.
 * A model that is too large for the GPU alone is split between it and the CPU by the library; then both memories count as one.
 * @throws AppError `model_too_large`
 */
export async function fitShape(llama: Llama, options: { model: string; load: LoadOptions; file: GgufFile }): Promise<Shape> {
  const insights = await GgufInsights.from(options.file.info, llama);
  const wanted = wantedShape(llama, insights, options.load);
  const free = await freeMemory(llama);
  const fit = (memory: Memory, size: (shape: Shape) => Promise<Memory>) =>
    fitToMemory({ model: options.model, wanted, free: memory, estimate: size });
  const onGpu = (shape: Shape) => estimate(llama, insights, shape);
  if (llama.gpu === false) return fit(free, onGpu);
  return fit(free, onGpu).catch(() =>
    fit({ ram: free.ram + free.vram, vram: 0 }, async (shape) => {
      const { ram, vram } = await onGpu(shape);
      return { ram: ram + vram, vram: 0 };
    }),
  );
}
