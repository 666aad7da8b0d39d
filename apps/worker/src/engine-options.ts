import { join } from "node:path";
import { type EngineOptions, parseModelSource } from "@llamero/engine";
import type { Logger, Settings } from "@llamero/process";
import { logEngineEvents } from "./engine-log.ts";

/** What engines are started with, and which of their models an entry of `LLAMERO_MODELS` names. */
export interface PlannedEngines {
  options: EngineOptions;
  sources: { spec: string; names: string[] }[];
}

/** What every engine of a worker is started with; a model's own start narrows it down to that model. */
export async function engineOptions(
  config: Settings<"worker">,
  specs: readonly string[],
  logger: Logger,
): Promise<PlannedEngines> {
  const parsed = await Promise.all(specs.map(async (spec) => ({ spec, models: await parseModelSource(spec) })));
  const models = parsed.flatMap((each) => each.models);
  const sources = parsed.map((each) => ({ spec: each.spec, names: each.models.map(({ name }) => name) }));
  return { options: { models, ...startOptions(config, logger) }, sources };
}

function startOptions(config: Settings<"worker">, logger: Logger): Omit<EngineOptions, "models"> {
  const { LLAMERO_SLOTS, LLAMERO_CONTEXT, LLAMERO_THREADS, LLAMERO_PARALLEL_CONTEXTS, LLAMERO_BATCH, LLAMERO_MEMORY_GB } = config;
  return {
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
