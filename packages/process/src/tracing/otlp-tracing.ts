import { type Attributes, type Context, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from "@opentelemetry/sdk-trace";
import { formatTraceparent, parseTraceparent } from "./traceparent.ts";
import type { OpenSpan, SpanAttributes, SpanOptions, Tracing } from "./tracing.ts";

/** Spans wait for so long to be sent with others, in milliseconds. */
const SEND_EVERY_MS = 1_000;
/** More than that wait only while the collector is away; then the newest are dropped. */
const MOST_WAITING = 8_192;
/** How long a stop waits for a collector that does not answer, in milliseconds. */
const CLOSE_MS = 1_000;

const kinds = {
  server: SpanKind.SERVER,
  consumer: SpanKind.CONSUMER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
} as const;

export interface OtlpOptions {
  /** The process: `api`, `worker`, … */
  process: string;
  version: string;
  /** Where the collector takes OTLP over HTTP, without `/v1/traces`. */
  endpoint: string;
  headers: Readonly<Record<string, string>>;
  /** The part of traces that begin here which is kept, from 0 to 1; what others have begun is kept as they say. */
  ratio: number;
}

/** Sends spans to a collector (OTLP over HTTP). One that is away costs spans, and nothing else. */
export function openOtlpTracing({ process, version, endpoint, headers, ratio }: OtlpOptions): Tracing {
  const url = `${endpoint.replace(/\/$/, "")}/v1/traces`;
  const exporter = new OTLPTraceExporter({ url, headers: { ...headers } });
  const processor = new BatchSpanProcessor({ exporter, scheduledDelayMillis: SEND_EVERY_MS, maxQueueSize: MOST_WAITING });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      "service.namespace": "llamero",
      "service.name": `llamero-${process}`,
      "service.version": version,
      "service.instance.id": String(globalThis.process.pid),
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer("llamero", version);
  return {
    isOn: true,
    start: (name, { kind = "internal", parent, attributes, startMs }: SpanOptions): OpenSpan => {
      const options = { kind: kinds[kind], ...(startMs === undefined ? {} : { startTime: startMs }) };
      const span = tracer.startSpan(name, { ...options, attributes: known(attributes) }, contextOf(parent));
      const { traceId, spanId, traceFlags } = span.spanContext();
      return {
        traceparent: formatTraceparent({ traceId, spanId, isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0 }),
        end: (more, error = null, endMs) => {
          span.setAttributes(known(more));
          if (error !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
          span.end(endMs);
        },
      };
    },
    close: async () => {
      const late = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref());
      await Promise.race([provider.shutdown(), late]);
    },
  };
}

function known(attributes: SpanAttributes = {}): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined),
  );
}

function contextOf(parent: string | null): Context {
  const context = parseTraceparent(parent);
  if (context === null) return ROOT_CONTEXT;
  const { traceId, spanId, isSampled } = context;
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
