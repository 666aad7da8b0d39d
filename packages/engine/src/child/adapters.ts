import { AppError } from "@llamero/core";
import type { LlamaContext, LlamaModel } from "node-llama-cpp";
import type { AdapterFile } from "./model-files.ts";

/** What is used of a model's inside; version 3.22.1 is pinned, and what is missing is noticed. */
interface ModelInside {
  _getOrLoadLora(filePath: string): Promise<unknown>;
}

/** What is used of a context's inside. */
interface ContextInside {
  _setLoras(adapters: { filePath: string; scale: number }[]): Promise<void>;
}

const UNKNOWN_LIBRARY = "This version of node-llama-cpp keeps its adapters in another way; install the version that is pinned.";

/**
 * Brings a model's adapters into memory. A context has room in its graph for the adapters that its model has when it is opened
 * (llama.cpp, `graph_max_nodes`), so this comes before any.
 * @throws AppError `model_file_invalid`
 */
export async function loadAdapters(model: LlamaModel, adapters: readonly AdapterFile[]): Promise<void> {
  if (adapters.length === 0) return;
  const inside = model as unknown as Partial<ModelInside>;
  if (typeof inside._getOrLoadLora !== "function") throw new AppError("internal_error", UNKNOWN_LIBRARY);
  for (const { path } of adapters)
    await inside._getOrLoadLora(path).catch((error: unknown) => {
      const text = `The adapter ${path} could not be loaded: it is damaged, or was made for a model of other sizes than its base.`;
      throw new AppError("model_file_invalid", text, { cause: error });
    });
}

/** Which of its model's adapters a context computes with: one at a time, for all its sequences. */
export class ContextAdapters {
  readonly #context: LlamaContext;
  readonly #adapters: ReadonlyMap<string, AdapterFile>;
  /** Undefined after a change that failed: then the context has to be told again, whatever is wanted. */
  #current: string | null | undefined = null;
  #change: Promise<void> = Promise.resolve();

  constructor(context: LlamaContext, adapters: readonly AdapterFile[]) {
    this.#context = context;
    this.#adapters = new Map(adapters.map((adapter) => [adapter.name, adapter]));
  }

  /** The adapter's name; null is the model without one; undefined: nobody knows. */
  get current(): string | null | undefined {
    return this.#current;
  }

  /** Changes to an adapter. Only for when no sequence of the context is under way with another; those that want the same may ask at once. */
  async use(name: string | null): Promise<void> {
    if (name !== this.#current) {
      this.#current = name;
      this.#change = this.#set(name);
    }
    await this.#change;
  }

  async #set(name: string | null): Promise<void> {
    const inside = this.#context as unknown as Partial<ContextInside>;
    if (typeof inside._setLoras !== "function") throw new AppError("internal_error", UNKNOWN_LIBRARY);
    const adapter = name === null ? undefined : this.#adapters.get(name);
    try {
      await inside._setLoras(adapter === undefined ? [] : [{ filePath: adapter.path, scale: adapter.scale }]);
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
  }
}
