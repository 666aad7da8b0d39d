import { AppError, requireUniqueNames } from "@llamero/core";
import { EngineChild } from "./engine-child.ts";
import { EngineProcess, type EngineRuntime } from "./engine-process.ts";
import type { EngineOptions, LoadOptions, Survey } from "./options.ts";

/** llama.cpp's limit of sequences in a context. */
const MAX_SLOTS = 256;
/** More than any context has use for. */
const MAX_BATCH_SIZE = 65_536;
/** llama.cpp's limit of threads (GGML_MAX_N_THREADS). */
const MAX_THREADS = 512;

function checkOptions(options: EngineOptions): void {
  checkNumber("slots", options.slots, MAX_SLOTS);
  checkNumber("mostSlots", options.mostSlots, MAX_SLOTS);
  checkNumber("contextSize", options.contextSize, Number.MAX_SAFE_INTEGER);
  checkNumber("threads", options.threads, MAX_THREADS);
  checkNumber("batchSize", options.batchSize, MAX_BATCH_SIZE);
  checkNumber("memoryBytes", options.memoryBytes, Number.MAX_SAFE_INTEGER);
  checkNumber("silentMs", options.silentMs, Number.MAX_SAFE_INTEGER);
  checkNumber("stuckMs", options.stuckMs, Number.MAX_SAFE_INTEGER);
  const names = options.models.flatMap(({ name, adapters = [] }) => [name, ...adapters.map((adapter) => adapter.name)]);
  if (names.length === 0) throw new AppError("config_invalid", "No model is given. Name at least one GGUF file or hf: model.");
  requireUniqueNames(names);
}

function checkNumber(name: string, value: number | undefined, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= max)) return;
  throw new AppError("config_invalid", `${name} is ${value}; it must be a whole number from 1 to ${max}.`);
}

/** What crosses the process border. */
function loadOptions(options: EngineOptions): LoadOptions {
  const {
    signal: _signal,
    onProgress: _progress,
    onExit: _exit,
    onLog: _log,
    silentMs: _silent,
    stuckMs: _stuck,
    ...rest
  } = options;
  return rest;
}

/**
 * Starts an engine: one child process that holds its models, so that the caller's event loop never decodes and a native
 * crash ends the child alone.
 * @throws AppError `config_invalid`, `model_file_invalid`, `model_too_large`, `model_download_failed`, `gpu_unavailable`,
 * `engine_crashed`
 */
export async function startEngine(options: EngineOptions): Promise<EngineRuntime> {
  checkOptions(options);
  const child = new EngineChild(options);
  try {
    const answer = await child.ask({ type: "load", options: loadOptions(options) }, "loading");
    if (answer.type !== "loaded") throw new AppError("internal_error", `The engine answered ${answer.type} to load.`);
    return new EngineProcess(child.process, answer, options);
  } catch (error) {
    child.kill();
    throw error;
  }
}

/**
 * Reads the models' files and finds what of each fits into memory, in a process of its own that ends then: a damaged file may
 * crash it. Downloads what is not on this machine yet.
 * @throws AppError as `startEngine`
 */
export async function surveyModels(options: EngineOptions): Promise<Survey> {
  checkOptions(options);
  const child = new EngineChild(options);
  try {
    const answer = await child.ask({ type: "survey", options: loadOptions(options) }, "reading the model files");
    if (answer.type !== "surveyed") throw new AppError("internal_error", `The engine answered ${answer.type} to survey.`);
    return answer.survey;
  } finally {
    child.kill();
  }
}
