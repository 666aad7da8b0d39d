export type { EngineRuntime } from "./engine-process.ts";
export { type ModelSource, parseModelSource } from "./model-source.ts";
export { type EngineEvent, type EngineOptions, type GpuChoice, gpuChoices } from "./options.ts";
export type { EngineStats } from "./protocol.ts";
export { startEngine } from "./start-engine.ts";
