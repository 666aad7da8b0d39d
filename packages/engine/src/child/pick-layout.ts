import { availableParallelism } from "node:os";
import type { Llama, LlamaModel } from "node-llama-cpp";
import type { LoadOptions } from "../options.ts";
import { chooseLayout, type LayoutChoice } from "./choose-layout.ts";
import { cachedLayout, keepLayout, type LayoutKey } from "./layout-cache.ts";
import { measureLayout, measurePrefill } from "./measure-layout.ts";
import type { Layout } from "./slot-context.ts";

export interface LayoutRequest {
  llama: Llama;
  model: LlamaModel;
  /** SHA-256 of the model's file. */
  digest: string;
  slots: number;
  options: LoadOptions;
}

export interface PickedLayout extends Layout {
  /** Why this one, for the log. */
  reason: string;
}

function describe({ tried }: LayoutChoice): string {
  return tried
    .map(({ contexts, threads, tokensPerSecond }) => `${contexts}×${threads}: ${Math.round(tokensPerSecond)} tokens/s`)
    .join(", ");
}

async function measured({ llama, model, digest, slots, options }: LayoutRequest, cores: number): Promise<PickedLayout> {
  const { contexts, threads, cacheDir } = options;
  const backend = `${llama.llamaCppRelease.release} ${llama.buildType} ${llama.gpu || "cpu"}`;
  const key: LayoutKey = { model: digest, slots, contexts, threads, backend };
  const known = cacheDir === undefined ? null : await cachedLayout(cacheDir, key);
  if (known !== null) return { ...known, reason: `measured before; contexts×threads, ${describe(known)}` };
  const meter = {
    decode: (layout: Layout) => measureLayout(model, layout, slots),
    prefill: (count: number) => measurePrefill(model, count),
  };
  const choice = await chooseLayout({ cores, slots, contexts, threads }, meter);
  if (cacheDir !== undefined)
    await keepLayout(cacheDir, key, choice).catch((error: unknown) =>
      console.warn("The measurement could not be kept; the next start measures again.", error),
    );
  return { ...choice, reason: `measured; contexts×threads, ${describe(choice)}` };
}

/**
 * How the slots of a model lie in contexts and how many threads each has: what the operator says, else what was measured on this
 * machine, now or before. On a GPU the threads only feed it and one context fills it, so that there is nothing to try.
 */
export async function pickLayout(request: LayoutRequest): Promise<PickedLayout> {
  const { llama, options } = request;
  const cores = Math.max(1, Math.min(llama.cpuMathCores, availableParallelism()));
  const { contexts, threads } = options;
  if (contexts !== undefined && threads !== undefined) return { contexts, threads, reason: "as configured" };
  if (llama.gpu !== false) return { contexts: contexts ?? 1, threads: threads ?? cores, reason: `on ${llama.gpu}` };
  return measured(request, cores);
}
