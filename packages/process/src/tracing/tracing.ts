/** Of what a span tells, its strings and numbers: no prompts, no outputs, no addresses of callers. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanOptions {
  /** `server`: a call that came; `consumer`: work that was taken from a queue; `client`: a call that goes out. Default: `internal`. */
  kind?: "server" | "consumer" | "client" | "internal";
  /** The `traceparent` of what it is a part of; null: it begins a trace. */
  parent: string | null;
  attributes?: SpanAttributes;
  /** Milliseconds since the epoch. Default: now. */
  startMs?: number;
}

/** Something that is going on. */
export interface OpenSpan {
  /** For what is a part of it; null: no trace is made and none was brought. */
  readonly traceparent: string | null;
  /** @param error the code of what went wrong; null: nothing. @param endMs milliseconds since the epoch. Default: now */
  end(attributes?: SpanAttributes, error?: string | null, endMs?: number): void;
}

/** Where spans go. */
export interface Tracing {
  /** Spans are made here. */
  readonly isOn: boolean;
  start(name: string, options: SpanOptions): OpenSpan;
  /** Sends what has not been sent. Legal to call twice. */
  close(): Promise<void>;
}

/** Makes no spans; a trace that somebody else makes is handed on. */
export const noTracing: Tracing = {
  isOn: false,
  start: (_name, { parent }) => ({ traceparent: parent, end: () => {} }),
  close: async () => {},
};
