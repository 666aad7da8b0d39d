import type { SchemaBudget } from "./budget.ts";
import type { Part } from "./keywords.ts";
import { refuse } from "./refuse.ts";
import type { Shape } from "./shape.ts";

/** The largest integer that is written. Those up to it have 16 digits at most, and no reader of doubles changes them. */
export const LARGEST_INTEGER = 9n * 10n ** 15n - 1n;
/** Decimal numbers of so many digits stay different as doubles, so that what is more than a bound reads as more. */
const MAX_BOUNDED_DIGITS = 15;

interface Bound {
  value: number;
  isExclusive: boolean;
  at: string;
}

/** A decimal number as units of 10^-scale. */
interface Decimal {
  units: bigint;
  scale: number;
}

function decimalOf(value: number): Decimal {
  const [mantissa = "0", exponent = "0"] = String(value).split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const scale = fraction.length - Number(exponent);
  const units = BigInt(whole + fraction);
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

/** The first unit of 10^-decimals that is inside a bound, seen in the direction of the sign. */
function inside({ value, isExclusive }: Bound, sign: 1n | -1n, decimals: number): bigint {
  const { units, scale } = decimalOf(value);
  const toward = units * sign;
  if (decimals >= scale) return (toward * 10n ** BigInt(decimals - scale) + (isExclusive ? 1n : 0n)) * sign;
  const factor = 10n ** BigInt(scale - decimals);
  const floor = toward >= 0n ? toward / factor : -((-toward + factor - 1n) / factor);
  const isExact = floor * factor === toward;
  return (isExact && !isExclusive ? floor : floor + 1n) * sign;
}

const sides = {
  minimum: { inclusive: "minimum", exclusive: "exclusiveMinimum", sign: 1 },
  maximum: { inclusive: "maximum", exclusive: "exclusiveMaximum", sign: -1 },
} as const;

/** The tightest bound on one side. */
function boundOf(parts: readonly Part[], side: keyof typeof sides): Bound | null {
  const { inclusive, exclusive, sign } = sides[side];
  const given = parts.flatMap(({ schema, at }): Bound[] => {
    const [value, other] = [schema[inclusive], schema[exclusive]];
    return [
      ...(typeof value === "number" ? [{ value, isExclusive: other === true, at: `${at}.${inclusive}` }] : []),
      ...(typeof other === "number" ? [{ value: other, isExclusive: true, at: `${at}.${exclusive}` }] : []),
    ];
  });
  const order = (a: Bound, b: Bound) => sign * (b.value - a.value) || Number(b.isExclusive) - Number(a.isExclusive);
  return given.sort(order)[0] ?? null;
}

function wholeDigits(bound: Bound | null): number {
  return bound === null ? 1 : Math.trunc(Math.abs(bound.value)).toString().length;
}

/** How many decimals a number with these bounds is written with. */
function decimalsFor(minimum: Bound | null, maximum: Bound | null): number {
  const isLarge = [minimum, maximum].some((bound) => Math.abs(bound?.value ?? 0) >= 10 ** MAX_BOUNDED_DIGITS);
  return isLarge ? 0 : MAX_BOUNDED_DIGITS - Math.max(wholeDigits(minimum), wholeDigits(maximum));
}

/** What the rule of a range takes at most. */
const RANGE_LENGTH = 1_400;

/** A range between two bounds, in units of 10^-decimals. */
function rangeOf(
  parts: readonly Part[],
  decimalsFor: (minimum: Bound | null, maximum: Bound | null) => number,
  budget: SchemaBudget,
) {
  const [low, high] = [boundOf(parts, "minimum"), boundOf(parts, "maximum")];
  const decimals = decimalsFor(low, high);
  const minimum = low === null ? null : inside(low, 1n, decimals);
  const maximum = high === null ? null : inside(high, -1n, decimals);
  const at = low?.at ?? high?.at ?? "";
  const largest = LARGEST_INTEGER * 10n ** BigInt(decimals);
  if ((minimum ?? 0n) > largest || (maximum ?? 0n) < -largest)
    refuse(at, `leaves only numbers beyond ${LARGEST_INTEGER}, which are not written.`);
  if (at !== "") budget.grammarOnce(`range ${minimum} ${maximum} ${decimals}`, RANGE_LENGTH, at);
  const isEmpty = minimum !== null && maximum !== null && minimum > maximum;
  return { minimum, maximum, decimals, never: isEmpty ? ({ kind: "never", at, why: NOTHING_LEFT } as const) : null };
}

const NOTHING_LEFT = "leaves no number between the bounds.";

/** Integers between bounds; a bound that is no integer is moved to the next that is inside. */
export function readInteger(parts: readonly Part[], budget: SchemaBudget): Shape {
  const { minimum, maximum, never } = rangeOf(parts, () => 0, budget);
  return never ?? { kind: "integer", minimum, maximum };
}

/** Numbers between bounds, which are then decimal numbers of at most 15 digits in the bounds' magnitude. */
export function readNumber(parts: readonly Part[], budget: SchemaBudget): Shape {
  if (parts.some(({ schema }) => schema["multipleOf"] === 1)) return readInteger(parts, budget);
  const { minimum, maximum, decimals, never } = rangeOf(parts, decimalsFor, budget);
  return never ?? { kind: "number", minimum, maximum, decimals };
}
