import { join } from "node:path";
import { type EngineOptions, parseModelSource } from "@llamero/engine";
import type { Logger, Settings } from "@llamero/process";
import { logEngineEvents } from "./engine-log.ts";

/** What every engine of a worker is started with; a model's own start narrows it down to that model. */
export async function engineOptions(config: Settings<"worker">, logger: Logger): Promise<EngineOptions> {
  const { LLAMERO_SLOTS, LLAMERO_CONTEXT, LLAMERO_THREADS, LLAMERO_PARALLEL_CONTEXTS, LLAMERO_BATCH, LLAMERO_MEMORY_GB } = config;
  return {
    models: (await Promise.all(config.LLAMERO_MODELS.map(parseModelSource))).flat(),
    gpu: config.LLAMERO_GPU === false ? "false" : config.LLAMERO_GPU,
    modelsDir: config.MODELS_DIR,
    ...(LLAMERO_SLOTS === undefined ? {} : { slots: LLAMERO_SLOTS }),
    ...(LLAMERO_CONTEXT === undefined ? {} : { contextSize: LLAMERO_CONTEXT }),
    ...(LLAMERO_THREADS === undefined ? {} : { threads: LLAMERO_THREADS }),
    ...(LLAMERO_PARALLEL_CONTEXTS === undefined ? {} : { contexts: LLAMERO_PARALLEL_CONTEXTS }),
    ...(LLAMERO_BATCH === undefined ? {} : { batchSize: LLAMERO_BATCH }),
    ...(LLAMERO_MEMORY_GB === undefined ? {} : { memoryBytes: Math.round(LLAMERO_MEMORY_GB * 1e9) }),
    cacheDir: join(config.DATA_DIR, "engine"),
    onProgress: logEngineEvents(logger),
    onLog: (line) => logger.debug({ line }, "engine"),
    sessionMs: config.LLAMERO_SESSION_SECONDS * 1000,
    silentMs: config.LLAMERO_ENGINE_SILENT_SECONDS * 1000,
    stuckMs: config.LLAMERO_ENGINE_STUCK_SECONDS * 1000,
  };
}
