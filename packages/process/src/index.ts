export { type LoadedHooks, loadHooks, noHooks } from "./hooks.ts";
export { type CloseFailure, Lifecycle } from "./lifecycle.ts";
export { createLogger, type Logger, type LoggerOptions, setLogLevel } from "./logger.ts";
export type { Metric } from "./metrics/metric.ts";
export { Metrics, type Sample } from "./metrics/metrics.ts";
export { metricsTable } from "./metrics/metrics-table.ts";
export { type Check, Health, type Readiness } from "./ops/health.ts";
export { startRedisProbe } from "./ops/redis-probe.ts";
export { type Env, parseEnv } from "./parse-env.ts";
export {
  type ProcessMessage,
  processMessageSchema,
  type ReadyDetails,
  type ReadyModel,
  readyDetailsSchema,
  readyModelSchema,
} from "./process-message.ts";
export { type BaseConfig, type ProcessContext, type ProcessHost, type ProcessOptions, runProcess } from "./run-process.ts";
export { type ProcessName, processNames } from "./setting.ts";
export {
  allSettings,
  type SettingName,
  type SettingRow,
  type Settings,
  settingsFor,
  settingsTable,
} from "./settings.ts";
export { sizeThreadPool } from "./thread-pool.ts";
export { type CurrentCall, currentCall, during } from "./tracing/current-call.ts";
export { readTraceparent } from "./tracing/traceparent.ts";
export { noTracing, type OpenSpan, type SpanAttributes, type SpanOptions, type Tracing } from "./tracing/tracing.ts";
