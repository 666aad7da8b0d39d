import { getLlama } from "node-llama-cpp";
import type { Course } from "../engine/contestant.ts";
import { openEngine } from "../engine/engine-alone.ts";

/** Where the engine runs, as it says itself. */
export interface BackendInUse {
  gpu: string | false;
  devices: string[];
  layers_on_gpu: number;
  layers: number;
  /** GPU memory of weights and contexts, as estimated before loading and as taken. */
  vram_mib: { estimated: number; used: number };
  /** `localBuild` of this machine, or `prebuilt` by node-llama-cpp. */
  build: string;
  llama_cpp: string;
}

/** @throws Error when a GPU was asked for and the model is not on it, all of it */
export function assertInUse(asked: string, { gpu, devices, layers_on_gpu, layers }: BackendInUse): void {
  const wanted = asked === "false" ? false : asked;
  if (gpu !== wanted) throw new Error(`The engine runs on ${gpu || "the CPU"} instead of ${asked}.`);
  if (gpu === false) return;
  if (devices.length === 0) throw new Error(`The engine finds no ${gpu} device.`);
  if (layers_on_gpu < layers) throw new Error(`Only ${layers_on_gpu} of ${layers} layers fit on the GPU: free its memory.`);
}

const mib = (bytes: number) => Math.round(bytes / 2 ** 20);

/** Loads the model once, in the engine's own process, and looks where it lies. */
export async function backendInUse(course: Course): Promise<BackendInUse> {
  const engine = await openEngine(course);
  const [footprint] = Object.values(engine.footprints);
  await engine.close();
  if (footprint === undefined) throw new Error("The engine has loaded no model.");
  const llama = await getLlama({ gpu: course.gpu === "false" ? false : course.gpu, build: "never" });
  try {
    return {
      gpu: footprint.gpu,
      devices: llama.gpu === false ? [] : await llama.getGpuDeviceNames(),
      layers_on_gpu: footprint.gpuLayers,
      layers: footprint.totalLayers,
      vram_mib: { estimated: mib(footprint.estimated.vram), used: mib(footprint.usedVram) },
      build: llama.buildType,
      llama_cpp: llama.llamaCppRelease.release,
    };
  } finally {
    await llama.dispose();
  }
}
