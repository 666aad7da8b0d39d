/** A run of lines of a batch's input. */
export interface Segment {
  /** Where it begins in the input, and how long it is, in bytes. */
  offset: number;
  bytes: number;
  /** Number of its first line in the input, from 1, and how many lines of the input it spans; blank ones are among them. */
  firstLine: number;
  /** Lines that are to be run: those that are not blank. */
  lines: number;
}

export const segmentText = ({ offset, bytes, firstLine, lines }: Segment): string => `${offset} ${bytes} ${firstLine} ${lines}`;

export function parseSegment(text: string): Segment {
  const [offset = 0, bytes = 0, firstLine = 0, lines = 0] = text.split(" ").map(Number);
  return { offset, bytes, firstLine, lines };
}
