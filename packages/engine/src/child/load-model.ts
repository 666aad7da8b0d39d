import { AppError } from "@llamero/core";
import { InsufficientMemoryError, type Llama, type LlamaModel } from "node-llama-cpp";
import type { ModelSource } from "../model-source.ts";
import type { EngineEvent, LoadOptions } from "../options.ts";
import { localPath } from "./download.ts";
import { fitShape } from "./fit-shape.ts";
import { type GgufFile, readGgufFile } from "./gguf-file.ts";
import { type Shape, smaller } from "./memory-fit.ts";
import { modelFacts } from "./model-facts.ts";
import { ModelHost } from "./model-host.ts";
import { pickLayout } from "./pick-layout.ts";
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

/** Opens the contexts; where the estimate was too low, tries smaller ones. */
async function openContexts(model: LlamaModel, source: ModelSource, layout: Layout, wanted: Shape): Promise<SlotContext[]> {
  let failure: unknown;
  for (let shape: Shape | null = wanted; shape !== null; shape = smaller(shape)) {
    try {
      return await openLayout(model, layout, shape);
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
  const fitted = await fitShape(llama, { model: source.name, load: options, file });
  const model = await loadWeights(loading, file, fitted);
  const layout = await pickLayout({ llama, model, digest: file.digest, slots: fitted.slots, options });
  const contexts = await openContexts(model, source, layout, fitted);
  const slots = contexts.reduce((sum, context) => sum + context.slots.length, 0);
  const contextLength = contexts[0]?.context.contextSize ?? fitted.contextSize;
  if ((options.slots ?? 0) > slots || (options.contextSize ?? 0) > contextLength)
    onEvent({ type: "reduced", model: source.name, slots, contextSize: contextLength });
  const template = chatTemplate(model);
  const facts = modelFacts({ name: source.name, file, model, contextLength, slots, hasTemplate: template !== null });
  const forPrompts =
    (layout.prefillThreads ?? layout.threads) === layout.threads ? "" : ` (${layout.prefillThreads} for prompts)`;
  const threads = `${layout.threads} threads${forPrompts}`;
  const shape = `${slots} slots of ${contextLength} tokens in ${contexts.length} contexts, ${threads} each, on ${llama.gpu || "CPU"}`;
  console.info(`Model ${source.name}: ${shape} (${layout.reason}).`);
  onEvent({ type: "loaded", model: source.name });
  return new ModelHost({ llama, model, contexts, template, threads: layout.threads, facts });
}
