import type { AppError } from "@llamero/core";
import type { Storage } from "@llamero/storage";
import { type Segment, uploadName } from "@llamero/store";
import { isBlank, readLines } from "./lines.ts";
import { BadLine, type Line, type LineBatch, readLine } from "./read-line.ts";

/** A line of a segment: one that can be run, or one that cannot any more, since what is taken has changed since it was checked. */
export type SegmentLine =
  | { kind: "good"; number: number; customId: string; line: Line }
  | { kind: "bad"; number: number; customId: string | null; error: AppError };

/** Reads the lines of a segment of an input that has been checked. */
export async function readSegment(
  storage: Storage,
  batch: LineBatch & { inputFileId: string },
  { offset, bytes, firstLine }: Segment,
): Promise<SegmentLine[]> {
  const lines: SegmentLine[] = [];
  const source = storage.read(uploadName(batch.inputFileId), { start: offset, end: offset + bytes });
  for await (const raw of readLines(source, { maxBytes: bytes, offset, firstLine })) {
    if (isBlank(raw)) continue;
    const { number } = raw;
    try {
      const line = readLine(batch, raw);
      lines.push({ kind: "good", number, customId: line.customId, line });
    } catch (error) {
      if (!(error instanceof BadLine)) throw error;
      lines.push({ kind: "bad", number, customId: error.customId, error: error.error });
    }
  }
  return lines;
}
