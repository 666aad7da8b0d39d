import type { CodePoints } from "./shape.ts";

const LAST = 0x10ffff;
/** Half a character of UTF-16 is none. */
const surrogates: CodePoints = [0xd800, 0xdfff];

/** Ranges in order, without overlaps. */
export function unite(ranges: readonly CodePoints[]): CodePoints[] {
  const united: [number, number][] = [];
  for (const [from, to] of [...ranges].sort(([a], [b]) => a - b)) {
    const last = united.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else united.push([from, to]);
  }
  return united;
}

/** What is in the first ranges and not in the others. */
export function without(ranges: readonly CodePoints[], others: readonly CodePoints[]): CodePoints[] {
  let left = unite(ranges);
  for (const [from, to] of others)
    left = left.flatMap(([low, high]): CodePoints[] => [
      ...(low < from ? [[low, Math.min(high, from - 1)] as const] : []),
      ...(high > to ? [[Math.max(low, to + 1), high] as const] : []),
    ]);
  return left;
}

/** The characters between two code points; none where these are no characters. */
export function charactersBetween(from: number, to: number): CodePoints[] {
  return to > LAST ? [] : without([[from, to]], [surrogates]);
}

/** Every character. */
export const anyCharacter: readonly CodePoints[] = charactersBetween(0, LAST);

/** All characters but these. */
export const complement = (ranges: readonly CodePoints[]): CodePoints[] => without(anyCharacter, ranges);

const points = (...list: number[]) => list.map((point): CodePoints => [point, point]);
const digits: CodePoints[] = [[0x30, 0x39]];
const words: CodePoints[] = [...digits, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
/** ECMA-262, WhiteSpace and LineTerminator. */
const spaces: CodePoints[] = [
  [9, 13],
  [0x2000, 0x200a],
  ...points(0x20, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff),
];

/** The escapes of a pattern that stand for a set of characters. */
export const classEscapes: Readonly<Record<string, readonly CodePoints[]>> = {
  d: digits,
  w: words,
  s: unite(spaces),
  D: complement(digits),
  W: complement(words),
  S: complement(spaces),
};

/** What a dot stands for: all but the ends of lines. */
export const dot: readonly CodePoints[] = complement(points(0x0a, 0x0d, 0x2028, 0x2029));
