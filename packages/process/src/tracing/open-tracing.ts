import packageJson from "../../package.json" with { type: "json" };
import type { Lifecycle } from "../lifecycle.ts";
import type { ProcessName } from "../setting.ts";
import { noTracing, type Tracing } from "./tracing.ts";

export interface TracingConfig {
  /** Undefined: no spans are made. */
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_HEADERS?: Readonly<Record<string, string>>;
  readonly LLAMERO_TRACE_RATIO?: number;
}

/** As the configuration says; what makes spans is loaded only where some are made. */
export async function openTracing(process: ProcessName, config: TracingConfig, lifecycle: Lifecycle): Promise<Tracing> {
  const {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: headers = {},
    LLAMERO_TRACE_RATIO: ratio = 1,
  } = config;
  if (endpoint === undefined) return noTracing;
  const { openOtlpTracing } = await import("./otlp-tracing.ts");
  const tracing = openOtlpTracing({ process, version: packageJson.version, endpoint, headers, ratio });
  lifecycle.defer("traces", () => tracing.close());
  return tracing;
}
