export type { EngineRuntime } from "./engine-process.ts";
export { type AdapterSource, type ModelSource, parseModelSource } from "./model-source.ts";
export {
  type EngineEvent,
  type EngineOptions,
  type Footprint,
  type GpuChoice,
  gpuChoices,
  type Survey,
  type SurveyedModel,
} from "./options.ts";
export type { EngineStats, ModelStats } from "./protocol.ts";
export { startEngine, surveyModels } from "./start-engine.ts";
