import type { Segment } from "@llamero/store";
import type { RawLine } from "./lines.ts";

/** Most lines of a segment, and bytes of its input; one line may have more. */
const MOST_LINES = 1_000;
const MOST_BYTES = 4_194_304;
/** An input is cut into so many segments, where they do not get smaller than this, in bytes: results come in steps of one. */
const STEPS = 20;
const FEWEST_BYTES = 16_384;

/** Cuts an input into segments: the same input always into the same ones. */
export class SegmentCutter {
  readonly #mostBytes: number;
  #open: Segment | null = null;
  /** Lines that are to be run, so far. */
  lines = 0;

  /** @param bytes of the whole input */
  constructor(bytes: number) {
    this.#mostBytes = Math.min(MOST_BYTES, Math.max(FEWEST_BYTES, Math.ceil(bytes / STEPS)));
  }

  /** Adds the next line. @returns the segment before it, where it begins another */
  add({ offset, size, number }: Pick<RawLine, "offset" | "size" | "number">, isRun: boolean): Segment[] {
    const open = this.#open;
    const isFull = open !== null && open.lines > 0 && (open.lines >= MOST_LINES || open.bytes + size > this.#mostBytes);
    if (isRun) this.lines += 1;
    if (open === null || isFull) {
      this.#open = { offset, bytes: size, firstLine: number, lines: isRun ? 1 : 0 };
      return isFull ? [open] : [];
    }
    open.bytes += size;
    if (isRun) open.lines += 1;
    return [];
  }

  /** @returns the last segment, where there is one with lines to run */
  end(): Segment[] {
    const open = this.#open;
    this.#open = null;
    return open === null || open.lines === 0 ? [] : [open];
  }
}
