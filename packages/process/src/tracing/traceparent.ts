/** W3C Trace Context, section 3.2: version, trace id, span id and flags. A version that is not known is read as 00. */
const FORM = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const SAMPLED = 1;

export interface TraceContext {
  traceId: string;
  spanId: string;
  isSampled: boolean;
}

/** Null for what is none: it is as if it had not been sent (section 3.2.2). */
export function parseTraceparent(text: string | null | undefined): TraceContext | null {
  const [, traceId, spanId, flags = "00"] = FORM.exec(text?.trim() ?? "") ?? [];
  if (traceId === undefined || spanId === undefined) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED };
}

/** What a caller has sent, in the form that is stored and sent on: 55 characters, whatever stands behind them. Null: it is none. */
export function readTraceparent(header: string | null | undefined): string | null {
  const context = parseTraceparent(header);
  return context === null ? null : formatTraceparent(context);
}

export function formatTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}
