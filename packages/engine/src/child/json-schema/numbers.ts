import { LARGEST_INTEGER } from "@llamero/core";

/** Between the ends of a range; null: from zeros or to nines. */
type End = string | null;

/** Digits that a number may go on with. */
interface Tail {
  /** What the further digits are; null: there are none. */
  digits: string | null;
  /** Whether it may also stop here. */
  mayEnd: boolean;
}

const isAll = (digits: End, digit: string) => digits === null || [...digits].every((one) => one === digit);

function digitClass(from: number, to: number): string {
  return from === to ? `"${from}"` : `[${from}-${to}]`;
}

function anyDigits(least: number, most: number): string {
  if (most === 0) return "";
  return `[0-9]{${least === most ? most : `${least},${most}`}}`;
}

function optional({ digits, mayEnd }: Tail): string {
  if (digits === null) return "";
  return mayEnd ? `(${digits})?` : `(${digits})`;
}

/**
 * Digits of a range, both ends with as many digits as there are to come.
 * @param isFraction whether they may stop early, zeros being meant then
 */
function digitsBetween(length: number, low: End, high: End, isFraction: boolean): Tail {
  const mayEnd = length === 0 || (isFraction && isAll(low, "0"));
  if (length === 0) return { digits: null, mayEnd };
  if (isAll(low, "0") && isAll(high, "9")) return { digits: anyDigits(isFraction ? 1 : length, length), mayEnd };
  const [first, last] = [Number(low?.[0] ?? 0), Number(high?.[0] ?? 9)];
  const [lowRest, highRest] = [low?.slice(1) ?? null, high?.slice(1) ?? null];
  const next = (from: number, to: number, restLow: End, restHigh: End) =>
    `${digitClass(from, to)} ${optional(digitsBetween(length - 1, restLow, restHigh, isFraction))}`;
  if (first === last) return { digits: next(first, last, lowRest, highRest), mayEnd };
  const isLowFull = isAll(lowRest, "0");
  const isHighFull = isAll(highRest, "9");
  const [from, to] = [isLowFull ? first : first + 1, isHighFull ? last : last - 1];
  const options = [
    ...(isLowFull ? [] : [next(first, first, lowRest, null)]),
    ...(from <= to ? [next(from, to, null, null)] : []),
    ...(isHighFull ? [] : [next(last, last, null, highRest)]),
  ];
  return { digits: options.join(" | "), mayEnd };
}

const power = (digits: number) => 10n ** BigInt(digits);

/** Whole numbers of a range, from zero up: those of each length, lengths of which there are all numbers being one. */
function wholeBetween(low: bigint, high: bigint): string {
  const options = low === 0n ? ['"0"'] : [];
  const complete: number[] = [];
  for (let length = String(low).length; length <= String(high).length; length++) {
    const [least, most] = [power(length - 1), power(length) - 1n];
    const [from, to] = [low > least ? low : least, high < most ? high : most];
    if (from === least && to === most) complete.push(length);
    else if (from <= to) options.push(digitsBetween(length, String(from), String(to), false).digits ?? "");
  }
  const [shortest, longest] = [complete[0], complete.at(-1)];
  if (shortest !== undefined && longest !== undefined) options.push(`[1-9] ${anyDigits(shortest - 1, longest - 1)}`);
  return options.join(" | ");
}

/** Decimal numbers of a range, from zero up, in units of 10^-decimals. */
function decimalBetween(low: bigint, high: bigint, decimals: number): string {
  if (decimals === 0) return wholeBetween(low, high);
  const unit = power(decimals);
  const [first, last] = [low / unit, high / unit];
  const digitsOf = (value: bigint) => String(value % unit).padStart(decimals, "0");
  const option = (whole: string, from: End, to: End) => {
    const { digits, mayEnd } = digitsBetween(decimals, from, to, true);
    return `${whole} ("." (${digits}))${mayEnd ? "?" : ""}`;
  };
  if (first === last) return option(`"${first}"`, digitsOf(low), digitsOf(high));
  const isLowFull = low % unit === 0n;
  const isHighFull = high % unit === unit - 1n;
  const [from, to] = [isLowFull ? first : first + 1n, isHighFull ? last : last - 1n];
  return [
    ...(isLowFull ? [] : [option(`"${first}"`, digitsOf(low), null)]),
    ...(from <= to ? [option(`(${wholeBetween(from, to)})`, null, null)] : []),
    ...(isHighFull ? [] : [option(`"${last}"`, null, digitsOf(high))]),
  ].join(" | ");
}

/** Numbers of a range in units of 10^-decimals; an end that is open is where numbers become too long to write. */
export function numbersBetween(range: { minimum: bigint | null; maximum: bigint | null; decimals: number }): string {
  const { decimals } = range;
  const largest = LARGEST_INTEGER * power(decimals);
  const limited = (bound: bigint) => (bound > largest ? largest : bound < -largest ? -largest : bound);
  const [low, high] = [limited(range.minimum ?? -largest), limited(range.maximum ?? largest)];
  const negative = low < 0n ? [`"-" (${decimalBetween(high < 0n ? -high : 1n, -low, decimals)})`] : [];
  const positive = high >= 0n ? [decimalBetween(low > 0n ? low : 0n, high, decimals)] : [];
  return [...negative, ...positive].join(" | ");
}

/** Whole numbers up to `LARGEST_INTEGER`. */
export const anyInteger = '"0" | "-"? ([1-9] [0-9]{0,14} | [1-8] [0-9]{15})';

/** Numbers without bounds. An exponent of two digits stays within a double. */
export const anyNumber = '"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?';
