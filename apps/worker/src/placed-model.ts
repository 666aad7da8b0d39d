import {
  type AppError,
  type LoadedModel,
  modelSlug,
  type Placement,
  type PlacementState,
  type StopReason,
  toAppError,
} from "@llamero/core";
import type { Footprint, ModelStats } from "@llamero/engine";
import type { Backlog } from "@llamero/store";
import type { PlacedView } from "./decide-placement.ts";
import { ModelServer, type ModelServerOptions } from "./model-server.ts";

/** Waits before a model that could not be loaded is tried again, in milliseconds: doubled each time, up to the last. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 300_000;

/** A model as it is before it is loaded. */
export interface ServedModel {
  facts: LoadedModel;
  /** What its adapters make of it. */
  variants: readonly LoadedModel[];
  /** Bytes that it takes of what the worker's models share; 0 for what another server runs. */
  sizeBytes: number;
}

export interface PlacedModelOptions {
  /** As `LLAMERO_MODELS` has it. */
  spec: string;
  served: ServedModel;
  /** What the models of the worker share; none counts as more. */
  budgetBytes: number;
  server: Omit<ModelServerOptions, "name" | "variants" | "onChange" | "onIdle" | "onGivenUp">;
  /** Its state has changed. */
  onChange: () => void;
  /** Room may have been made, or may be made now. */
  onRoom: () => void;
}

/** One of a worker's models, in memory or not. */
export class PlacedModel {
  readonly name: string;
  readonly slug: string;
  readonly spec: string;
  readonly #options: PlacedModelOptions;
  #state: PlacementState = "unloaded";
  #facts: LoadedModel;
  #variants: readonly LoadedModel[];
  #sizeBytes: number;
  #footprint: Footprint | null = null;
  #server: ModelServer | null = null;
  #error: AppError | null = null;
  #failures = 0;
  #placedAtMs = performance.now();
  #loadTookMs = 0;
  #lastUsedAtMs = performance.now();
  #retryAtMs = 0;
  #isExpected = false;
  #isDrained = false;
  #isClosed = false;

  constructor(options: PlacedModelOptions) {
    const { facts, variants, sizeBytes } = options.served;
    this.#options = options;
    this.#facts = facts;
    this.#variants = variants;
    this.#sizeBytes = sizeBytes;
    this.name = facts.name;
    this.spec = options.spec;
    this.slug = modelSlug(facts.name);
  }

  /** As its file told, or as it was loaded last. */
  get facts(): LoadedModel {
    return this.#facts;
  }

  /** What its adapters make of it. */
  get variants(): readonly LoadedModel[] {
    return this.#variants;
  }

  /** `loading` also while a crashed engine is being replaced. */
  get state(): PlacementState {
    return this.#state === "ready" && this.#server?.engine === null ? "loading" : this.#state;
  }

  /** Jobs that it runs at once; a model whose engine is being replaced keeps its window. Null: it is not here, nor on its way. */
  get slots(): number | null {
    if (this.#state === "ready") return this.#isDrained ? 0 : this.#facts.slots;
    return this.#state === "loading" || this.#isExpected ? 0 : null;
  }

  /** Of what the worker's models share, while it is in memory. */
  get heldBytes(): number {
    return this.#state === "unloaded" || this.#state === "failed" ? 0 : this.#sizeBytes;
  }

  /** Jobs that it has taken. */
  get inHand(): number {
    return this.#server?.inHand ?? 0;
  }

  /** What it takes where it is loaded; null while it is not, or where another server runs it. */
  get footprint(): Footprint | null {
    return this.#footprint;
  }

  /** Null while it is not loaded, or where another server runs it. @throws AppError `engine_crashed` */
  async stats(): Promise<ModelStats | null> {
    const stats = await this.#server?.engine?.stats?.();
    return stats?.[this.name] ?? null;
  }

  /** Room is being made for it, so that no other worker needs to. */
  expect(isExpected: boolean): void {
    if (isExpected === this.#isExpected) return;
    this.#isExpected = isExpected;
    this.#options.onChange();
  }

  view({ waitingMs, isElsewhere }: Backlog): PlacedView {
    return {
      name: this.name,
      state: this.state,
      sizeBytes: this.#sizeBytes,
      inHand: this.inHand,
      waitingMs,
      isElsewhere,
      lastUsedAtMs: this.#server?.lastUsedAtMs ?? this.#lastUsedAtMs,
      placedAtMs: this.#placedAtMs,
      loadTookMs: this.#loadTookMs,
      retryAtMs: this.#retryAtMs,
    };
  }

  /** Takes no more jobs for now, and stays in memory. */
  setDrained(isDrained: boolean): void {
    if (isDrained === this.#isDrained) return;
    this.#isDrained = isDrained;
    this.#server?.setDrained(isDrained);
    this.#options.onChange();
  }

  placement(): Placement {
    const error = this.#error === null ? null : { code: this.#error.code, message: this.#error.message };
    const state = this.#isDrained && this.state === "ready" ? "draining" : this.state;
    return { slug: this.slug, state, size_bytes: this.#sizeBytes, gpu: gpuShare(this.#footprint), error };
  }

  /** Brings it into memory; it takes jobs when it is opened. @throws AppError why it could not */
  async load(): Promise<void> {
    const startedAtMs = performance.now();
    const server = new ModelServer({
      ...this.#options.server,
      name: this.name,
      variants: new Map(this.#variants.map(({ name }) => [modelSlug(name, this.name), name])),
      onChange: this.#options.onChange,
      onIdle: this.#options.onRoom,
      onGivenUp: (error) => void this.#giveUp(error),
    });
    server.setDrained(this.#isDrained);
    this.#server = server;
    this.#error = null;
    this.#become("loading");
    try {
      const engine = await server.loaded();
      const [facts = this.#facts, ...variants] = engine.models;
      this.#facts = facts;
      this.#variants = variants;
      this.#measure(engine.footprints?.[this.name] ?? null);
      this.#failures = 0;
      this.#loadTookMs = performance.now() - startedAtMs;
    } catch (error) {
      await server.close();
      throw this.#fail(error);
    }
  }

  /** Begins to take jobs. */
  open(): void {
    if (this.#isClosed || this.#state !== "loading") return;
    this.#server?.open(this.#facts.slots);
    this.#become("ready");
  }

  /** Takes no more jobs, lets those in hand end, and gives its memory back. */
  async unload(): Promise<void> {
    this.#become("draining");
    await this.#end();
    this.#become("unloaded");
    this.#options.server.logger.info({ model: this.name }, `unloaded ${this.name}`);
    this.#options.onRoom();
  }

  stop(jobId: string, reason: StopReason): void {
    this.#server?.stop(jobId, reason);
  }

  async pause(): Promise<void> {
    await this.#server?.pause();
  }

  handBack(): void {
    this.#server?.handBack();
  }

  /** For good. Legal to call twice, and in any state. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#server?.close();
  }

  #become(state: PlacementState): void {
    this.#state = state;
    this.#placedAtMs = performance.now();
    this.#options.onChange();
  }

  async #end(): Promise<void> {
    const { logger } = this.#options.server;
    await this.#server
      ?.close()
      .catch((error: unknown) => logger.error({ err: error, model: this.name }, "could not close a model"));
    this.#lastUsedAtMs = this.#server?.lastUsedAtMs ?? this.#lastUsedAtMs;
    this.#server = null;
    this.#footprint = null;
  }

  /** Its engine is gone for good. */
  async #giveUp(error: AppError): Promise<void> {
    // What is being unloaded needs no successor.
    if (this.#state === "draining" || this.#isClosed) return;
    this.#become("draining");
    await this.#end();
    this.#fail(error);
    this.#options.onRoom();
  }

  #fail(cause: unknown): AppError {
    const error = toAppError(cause, "internal_error", "The model could not be loaded; see the worker's log.");
    this.#server = null;
    this.#error = error;
    const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
    this.#retryAtMs = performance.now() + waitMs;
    if (!this.#isClosed)
      this.#options.server.logger.error({ err: error, model: this.name, retry_ms: waitMs }, `${this.name} could not be loaded`);
    this.#become("failed");
    return error;
  }

  /** What is measured counts, where it is more than was estimated. */
  #measure(footprint: Footprint | null): void {
    this.#footprint = footprint;
    if (footprint === null) return;
    const { gpu, estimated, usedVram } = footprint;
    const sizeBytes = gpu === false ? estimated.ram : Math.max(estimated.vram, usedVram);
    this.#sizeBytes = Math.min(this.#options.budgetBytes, sizeBytes);
    const figures = { size_bytes: this.#sizeBytes, ...gpuShare(footprint) };
    this.#options.server.logger.info({ model: this.name, ...figures }, `loaded ${this.name}`);
  }
}

function gpuShare(footprint: Footprint | null): Placement["gpu"] {
  if (footprint === null || footprint.gpu === false) return null;
  const { gpu, gpuLayers, totalLayers, estimated, usedVram } = footprint;
  return {
    backend: gpu,
    layers: gpuLayers,
    total_layers: totalLayers,
    vram_estimated_bytes: Math.round(estimated.vram),
    vram_used_bytes: Math.round(usedVram),
  };
}
