import type { ModelSource } from "../model-source.ts";
import type { EngineEvent, LoadOptions, Survey, SurveyedModel } from "../options.ts";
import { openBackend } from "./backend.ts";
import { fitShape } from "./fit-shape.ts";
import { freeMemory } from "./free-memory.ts";
import { modelFacts, variantFacts } from "./model-facts.ts";
import { type ModelFiles, readModelFiles } from "./model-files.ts";

/** Share of the free RAM that models may take; the rest is for what grows while they run. */
const RAM_SHARE = 0.8;

/** The same model with the files that it has on this machine. */
function onDisk({ name }: ModelSource, { file, adapters }: ModelFiles): ModelSource {
  const onBase = adapters.map(({ name, path, scale }) => ({ kind: "file" as const, name, path, scale }));
  return { kind: "file", name, path: file.path, adapters: onBase };
}

/**
 * Reads what the models' files tell, and how much memory each takes, without loading any.
 * @throws AppError `model_file_invalid`, `model_too_large`, `model_download_failed`, `gpu_unavailable`
 */
export async function survey(options: LoadOptions, onEvent: (event: EngineEvent) => void): Promise<Survey> {
  const llama = await openBackend(options.gpu);
  const { gpu } = llama;
  const free = await freeMemory(llama, options.heldBytes);
  const budgetBytes = options.memoryBytes ?? (gpu === false ? Math.floor(free.ram * RAM_SHARE) : free.vram);
  // A model that is split between GPU and CPU may take more than the GPU has.
  const load = gpu === false ? { ...options, memoryBytes: budgetBytes } : options;
  const models: SurveyedModel[] = [];
  for (const source of options.models) {
    const { name } = source;
    const { file, adapters } = await readModelFiles(source, { modelsDir: options.modelsDir, onEvent });
    const { shape, estimated, parameters } = await fitShape(llama, { model: name, load, file, adapters });
    if ((options.slots ?? 0) > shape.slots || (options.contextSize ?? 0) > shape.contextSize)
      onEvent({ type: "reduced", model: name, ...shape });
    const facts = modelFacts({ name, file, parameters, shape });
    models.push({
      source: onDisk(source, { file, adapters }),
      facts,
      variants: adapters.map((adapter) => variantFacts(facts, adapter)),
      sizeBytes: Math.min(budgetBytes, gpu === false ? estimated.ram : estimated.vram),
    });
  }
  return { gpu, budgetBytes, models };
}
