/** NaN for no values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

export interface Point {
  atMs: number;
  value: number;
}

/** A growing count at a time between two readings of it; null outside of them. */
export function valueAt(points: readonly Point[], atMs: number): number | null {
  const index = points.findIndex((point) => point.atMs >= atMs);
  const [before, after] = [points[index - 1], points[index]];
  if (before === undefined || after === undefined) return null;
  const share = (atMs - before.atMs) / (after.atMs - before.atMs);
  return before.value + share * (after.value - before.value);
}

/** How much a count grew between two times; null when it was not read around both. */
export function growth(points: readonly Point[], fromMs: number, toMs: number): number | null {
  const [from, to] = [valueAt(points, fromMs), valueAt(points, toMs)];
  return from === null || to === null ? null : to - from;
}
