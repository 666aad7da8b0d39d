import { availableParallelism } from "node:os";
import { AppError } from "@llamero/core";
import { getLlama, type Llama, LlamaLogLevel } from "node-llama-cpp";
import type { GpuChoice } from "../options.ts";

/** The library's progress lines and dots are of no use in a log. */
function log(level: LlamaLogLevel, message: string): void {
  const text = message.trim();
  if (text !== "") console.error(`[llama.cpp ${level}] ${text}`);
}

async function load(gpu: GpuChoice): Promise<Llama> {
  return getLlama({
    gpu: gpu === "false" ? false : gpu,
    build: "never",
    progressLogs: false,
    logLevel: LlamaLogLevel.warn,
    logger: log,
    // Models in one process share the cores instead of each taking all.
    maxThreads: availableParallelism(),
  });
}

/**
 * Opens llama.cpp on the backend asked for; `auto` may end up on the CPU, a named GPU never does.
 * @throws AppError `gpu_unavailable`
 */
export async function openBackend(gpu: GpuChoice): Promise<Llama> {
  const advice = `Check its driver, or set LLAMERO_GPU to auto or false.`;
  const named = gpu !== "auto" && gpu !== "false";
  const llama = await load(gpu).catch((error: unknown) => {
    if (!named) throw error;
    throw new AppError("gpu_unavailable", `The GPU backend ${gpu} cannot be used on this machine. ${advice}`, { cause: error });
  });
  if (!named) return llama;
  const devices = llama.gpu === gpu ? await llama.getGpuDeviceNames() : [];
  if (devices.length > 0) return llama;
  await llama.dispose();
  throw new AppError("gpu_unavailable", `The GPU backend ${gpu} finds no device on this machine. ${advice}`);
}
