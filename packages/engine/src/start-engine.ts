import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { AppError, type LoadedModel } from "@llamero/core";
import { EngineProcess, type EngineRuntime } from "./engine-process.ts";
import type { EngineOptions, LoadOptions } from "./options.ts";
import { fromWireError, isFromChild, type ToChild } from "./protocol.ts";

/** Beside sampling, which is bound by the cores, libuv's pool serves decode, files and DNS of the child. */
const EXTRA_POOL_THREADS = 4;
const MIN_POOL_THREADS = 8;
/** llama.cpp's limit of sequences in a context. */
const MAX_SLOTS = 256;
/** llama.cpp's limit of threads (GGML_MAX_N_THREADS). */
const MAX_THREADS = 512;
/** Last lines of the child's output that a failed start quotes. */
const QUOTED_LINES = 5;

function checkOptions(options: EngineOptions): void {
  checkNumber("slots", options.slots, MAX_SLOTS);
  checkNumber("contextSize", options.contextSize, Number.MAX_SAFE_INTEGER);
  checkNumber("threads", options.threads, MAX_THREADS);
  checkNumber("silentMs", options.silentMs, Number.MAX_SAFE_INTEGER);
  checkNumber("stuckMs", options.stuckMs, Number.MAX_SAFE_INTEGER);
  const names = options.models.map((model) => model.name);
  if (names.length === 0) throw new AppError("config_invalid", "No model is given. Name at least one GGUF file or hf: model.");
  const doubled = names.find((name, index) => names.indexOf(name) !== index);
  if (doubled !== undefined)
    throw new AppError("config_invalid", `Two models are named "${doubled}". Give one of them another name: name=path.`);
}

function checkNumber(name: string, value: number | undefined, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= max)) return;
  throw new AppError("config_invalid", `${name} is ${value}; it must be a whole number from 1 to ${max}.`);
}

function forkChild(): ChildProcess {
  const poolThreads = Math.max(MIN_POOL_THREADS, availableParallelism() + EXTRA_POOL_THREADS);
  return fork(fileURLToPath(new URL("./child/main.ts", import.meta.url)), [], {
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // Flags of the parent (debugger ports, test loaders) are not the child's; see child/native-garbage.ts for its own.
    execArgv: ["--expose-gc"],
    env: { ...process.env, UV_THREADPOOL_SIZE: String(poolThreads), NODE_LLAMA_CPP_SKIP_DOWNLOAD: "true" },
  });
}

function forwardLines(child: ChildProcess, onLine: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on("line", onLine);
  }
}

function loadOptions(options: EngineOptions): LoadOptions {
  const { onProgress: _progress, onExit: _exit, onLog: _log, silentMs: _silent, stuckMs: _stuck, ...rest } = options;
  return rest;
}

/** Resolves with the loaded models; rejects when the child says why not, or ends. */
function loaded(child: ChildProcess, options: EngineOptions, lastLines: readonly string[]): Promise<LoadedModel[]> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      child.off("message", onMessage).off("exit", onExit).off("error", onError);
      act();
    };
    const onMessage = (message: unknown) => {
      if (!isFromChild(message)) return;
      if (message.type === "progress") options.onProgress?.(message.event);
      if (message.type === "loaded") settle(() => resolve(message.models));
      if (message.type === "load_failed") settle(() => reject(fromWireError(message.error)));
    };
    const onExit = (code: number | null, signal: string | null) => {
      const text = `The engine ended while loading (${signal ?? `exit code ${code}`}). Last output: ${lastLines.join(" | ") || "none"}`;
      settle(() => reject(new AppError("engine_crashed", text)));
    };
    const onError = (error: Error) =>
      settle(() => reject(new AppError("engine_crashed", "The engine process could not be started.", { cause: error })));
    child.on("message", onMessage).on("exit", onExit).on("error", onError);
    child.send({ type: "load", options: loadOptions(options) } satisfies ToChild);
  });
}

/**
 * Starts the engine: one child process that holds every model, so that the caller's event loop never decodes and a native
 * crash ends the child alone.
 * @throws AppError `config_invalid`, `model_file_invalid`, `model_too_large`, `model_download_failed`, `gpu_unavailable`,
 * `engine_crashed`
 */
export async function startEngine(options: EngineOptions): Promise<EngineRuntime> {
  checkOptions(options);
  const child = forkChild();
  const lastLines: string[] = [];
  forwardLines(child, (line) => {
    lastLines.push(line);
    if (lastLines.length > QUOTED_LINES) lastLines.shift();
    options.onLog?.(line);
  });
  try {
    return new EngineProcess(child, await loaded(child, options, lastLines), options);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}
