import { AppError, type LoadedModel } from "@llamero/core";
import { InsufficientMemoryError, type Llama, type LlamaModel } from "node-llama-cpp";
import type { ModelSource } from "../model-source.ts";
import type { EngineEvent, Footprint, LoadOptions } from "../options.ts";
import { loadAdapters } from "./adapters.ts";
import { fitShape, slotRange } from "./fit-shape.ts";
import type { GgufFile } from "./gguf-file.ts";
import { type Shape, smaller } from "./memory-fit.ts";
import { modelFacts, variantFacts } from "./model-facts.ts";
import { type AdapterFile, readModelFiles } from "./model-files.ts";
import { ModelHost } from "./model-host.ts";
import { type PickedLayout, pickLayout } from "./pick-layout.ts";
import { chatTemplate } from "./prompt.ts";
import { type Layout, openLayout, type SlotContext } from "./slot-context.ts";

/** A loading event for every tenth. */
const PROGRESS_STEP = 0.1;

interface Loading {
  llama: Llama;
  source: ModelSource;
  options: LoadOptions;
  onEvent: (event: EngineEvent) => void;
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

interface ContextsWanted {
  source: ModelSource;
  model: LlamaModel;
  layout: Layout;
  wanted: Shape;
  adapters: readonly AdapterFile[];
}

/** Opens the contexts; where the estimate was too low, tries fewer, then smaller ones. */
async function openContexts({ source, model, layout, wanted, adapters }: ContextsWanted): Promise<SlotContext[]> {
  let failure: unknown;
  for (let shape: Shape | null = wanted; shape !== null; shape = smaller(shape))
    for (let { contexts } = layout; contexts >= 1; contexts = Math.floor(contexts / 2)) {
      try {
        return await openLayout(model, { ...layout, contexts }, shape, adapters);
      } catch (error) {
        failure = error;
      }
    }
  throw tooLarge(source, failure);
}

/** One line for the log: how the model lies in this process. */
function describe(
  name: string,
  layout: PickedLayout,
  facts: LoadedModel,
  contexts: number,
  { gpu, gpuLayers, totalLayers }: Footprint,
) {
  const { threads, prefillThreads = threads, batchSize, reason } = layout;
  const forPrompts = prefillThreads === threads ? "" : ` (${prefillThreads} for prompts)`;
  const place = gpu === false ? "CPU" : `${gpu} with ${gpuLayers} of ${totalLayers} layers`;
  const shape = `${facts.slots} slots of ${facts.context_length} tokens in ${contexts} contexts`;
  const steps = `steps of ${batchSize} tokens at most`;
  return `Model ${name}: ${shape}, ${threads} threads${forPrompts} each, ${steps}, on ${place} (${reason}).`;
}

async function usedVram(llama: Llama): Promise<number> {
  return llama.gpu === false ? 0 : (await llama.getVramState()).used;
}

/**
 * Brings one model into memory, ready to run tasks.
 * @throws AppError `model_file_invalid`, `model_too_large`, `model_download_failed`
 */
export async function loadModel(loading: Loading): Promise<{ host: ModelHost; footprint: Footprint }> {
  const { llama, source, options, onEvent } = loading;
  const { name } = source;
  const { file, adapters } = await readModelFiles(source, { modelsDir: options.modelsDir, onEvent });
  const fit = await fitShape(llama, { model: name, load: options, file, adapters });
  const { shape: fitted, mostContexts, estimate, totalLayers, parameters } = fit;
  const usedBefore = await usedVram(llama);
  const model = await loadWeights(loading, file, fitted);
  await loadAdapters(model, adapters);
  const slots = slotRange(llama, options, fitted.slots);
  const layout = await pickLayout({ llama, model, digest: file.digest, slots, mostContexts, options });
  const contexts = await openContexts({ source, model, layout, wanted: { ...fitted, slots: layout.slots }, adapters });
  const shape: Shape = {
    slots: contexts.reduce((sum, context) => sum + context.slots.length, 0),
    contextSize: contexts[0]?.contextSize ?? fitted.contextSize,
  };
  if ((options.slots ?? 0) > shape.slots || (options.contextSize ?? 0) > shape.contextSize)
    onEvent({ type: "reduced", model: name, ...shape });
  const footprint: Footprint = {
    gpu: llama.gpu,
    gpuLayers: model.gpuLayers,
    totalLayers,
    estimated: await estimate(shape, contexts.length),
    usedVram: Math.max(0, (await usedVram(llama)) - usedBefore),
  };
  const facts = modelFacts({ name, file, parameters, shape });
  const description = describe(name, layout, facts, contexts.length, footprint);
  console.info(description);
  onEvent({ type: "loaded", model: name, layout: description });
  const variants = adapters.map((adapter) => variantFacts(facts, adapter));
  const template = chatTemplate(model);
  const { threads, batchSize } = layout;
  const host = new ModelHost({
    llama,
    model,
    contexts,
    template,
    threads,
    batchSize,
    facts,
    variants,
    sessionMs: options.sessionMs,
  });
  return { host, footprint };
}
