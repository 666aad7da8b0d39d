import { availableParallelism } from "node:os";
import type { Llama, LlamaModel } from "node-llama-cpp";
import type { LoadOptions } from "../options.ts";
import { chooseBatchSize, DEFAULT_BATCH_SIZE } from "./choose-batch.ts";
import { chooseLayout, type LayoutMeter } from "./choose-layout.ts";
import { chooseSlots, type SlotRange } from "./choose-slots.ts";
import { cachedLayout, keepLayout, type LayoutKey, type Measured } from "./layout-cache.ts";
import { measureLayout, measurePrefill } from "./measure-layout.ts";
import type { Layout } from "./slot-context.ts";

export interface LayoutRequest {
  llama: Llama;
  model: LlamaModel;
  /** SHA-256 of the model's file. */
  digest: string;
  /** How many there may be. */
  slots: SlotRange;
  /** Contexts that there is memory for. */
  mostContexts: number;
  options: LoadOptions;
}

export interface PickedLayout extends Layout {
  slots: number;
  batchSize: number;
  /** Why this one, for the log. */
  reason: string;
}

function describe({ tried, triedSlots, prefillRate }: Measured): string {
  const layouts = tried.map(({ contexts, threads, tokensPerSecond }) => `${contexts}×${threads}: ${Math.round(tokensPerSecond)}`);
  const counts = triedSlots.map(({ slots, tokensPerSecond }) => `${slots}: ${Math.round(tokensPerSecond)}`);
  return [
    layouts.length === 0 ? "" : `contexts×threads ${layouts.join(", ")} tokens/s`,
    counts.length === 0 ? "" : `slots ${counts.join(", ")} tokens/s`,
    prefillRate === null ? "" : `prompts ${Math.round(prefillRate)} tokens/s`,
  ]
    .filter((part) => part !== "")
    .join("; ");
}

/** What the model makes most with: first how its slots lie, then how many there are, then how that many lie. */
async function measure({ llama, model, slots, mostContexts, options }: LayoutRequest, cores: number): Promise<Measured> {
  // On a GPU the threads only feed it; what is spread over contexts still overlaps.
  const { contexts, threads = llama.gpu === false ? undefined : cores } = options;
  const meterFor = (count: number): LayoutMeter => ({
    decode: (layout) => measureLayout(model, layout, count),
    prefill: (many) => measurePrefill(model, many),
  });
  const layoutFor = (count: number) => chooseLayout({ cores, slots: count, contexts, threads, mostContexts }, meterFor(count));
  const first = await layoutFor(slots.least);
  const choice = await chooseSlots(slots, (count) => measureLayout(model, first, count));
  return { ...(choice.slots === slots.least ? first : await layoutFor(choice.slots)), ...choice };
}

async function measured(request: LayoutRequest, cores: number): Promise<PickedLayout> {
  const { llama, digest, slots, mostContexts } = request;
  const { contexts, threads, cacheDir } = request.options;
  const devices = llama.gpu === false ? ["cpu"] : [llama.gpu, ...(await llama.getGpuDeviceNames())];
  const backend = [llama.llamaCppRelease.release, llama.buildType, ...devices].join(" ");
  const key: LayoutKey = { model: digest, slots, contexts, mostContexts, threads, backend };
  const known = cacheDir === undefined ? null : await cachedLayout(cacheDir, key);
  if (known !== null) return { ...known, batchSize: batchSizeOf(request, known), reason: `measured before: ${describe(known)}` };
  const choice = await measure(request, cores);
  if (cacheDir !== undefined)
    await keepLayout(cacheDir, key, choice).catch((error: unknown) =>
      console.warn("The measurement could not be kept; the next start measures again.", error),
    );
  return { ...choice, batchSize: batchSizeOf(request, choice), reason: `measured: ${describe(choice)}` };
}

/** Follows from what was measured, unless the operator says it. */
function batchSizeOf({ options }: LayoutRequest, { prefillRate, slots }: Measured): number {
  return options.batchSize ?? chooseBatchSize(prefillRate, slots);
}

/**
 * How many slots a model has, how they lie in contexts and how many threads each has: what the operator says, else what was measured
 * on this machine, now or before.
 */
export async function pickLayout(request: LayoutRequest): Promise<PickedLayout> {
  const { llama, options, slots } = request;
  const cores = Math.max(1, Math.min(llama.cpuMathCores, availableParallelism()));
  const { contexts, threads, batchSize = DEFAULT_BATCH_SIZE } = options;
  if (contexts !== undefined && threads !== undefined)
    return { contexts, threads, slots: slots.least, batchSize, reason: "as configured" };
  return measured(request, cores);
}
