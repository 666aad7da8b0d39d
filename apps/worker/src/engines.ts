import { type EngineOptions, type EngineRuntime, type SurveyedModel, startEngine } from "@llamero/engine";
import type { Logger } from "@llamero/process";
import type { StartEngine } from "./model-server.ts";

/** Starts a worker's engines, one per model, and knows the newest of each: a stopped one does not notice that its worker is gone. */
export class Engines {
  readonly #newest = new Map<string, EngineRuntime>();

  /** How the engine of a model is started. */
  starter({ source, facts }: SurveyedModel, options: EngineOptions, logger: Logger): StartEngine {
    // The survey's slots are as many as fit: all, where the operator says how many, else the most to choose among.
    const slots = options.slots === undefined ? { mostSlots: facts.slots } : { slots: facts.slots };
    const shape = { ...slots, contextSize: facts.context_length };
    return async (onExit, signal) => {
      const engine = await startEngine({ ...options, ...shape, models: [source], signal, onExit });
      this.#newest.set(source.name, engine);
      logger.info({ engine_pid: engine.pid, model: source.name }, "engine started");
      return engine;
    };
  }

  /** Ends them all at once, whatever state they are in. */
  kill(): void {
    for (const engine of this.#newest.values()) engine.kill();
  }
}
