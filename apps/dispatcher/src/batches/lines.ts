/** A line of an input, without its end. */
export interface RawLine {
  /** From 1. */
  number: number;
  /** Where it begins in the input, in bytes. */
  offset: number;
  /** With its end. */
  size: number;
  bytes: Uint8Array;
}

/** A line is longer than a request may be: what follows it is not read. */
export class LineTooLong extends Error {
  readonly line: number;

  constructor(line: number) {
    super(`line ${line} is too long`);
    this.line = line;
  }
}

export interface LinesOptions {
  /** Longest line, in bytes. */
  maxBytes: number;
  /** Where the source begins in the input, and the number of its first line. Default: at the start. */
  offset?: number;
  firstLine?: number;
}

const NEWLINE = 0x0a;

/**
 * Cuts a source into lines; what follows the last newline is one too, unless it is empty.
 * @throws LineTooLong as soon as there is more of a line than it may have
 */
export async function* readLines(source: AsyncIterable<Uint8Array>, options: LinesOptions): AsyncGenerator<RawLine> {
  let { offset = 0, firstLine: number = 1 } = options;
  let parts: Uint8Array[] = [];
  let size = 0;
  const take = (last: Uint8Array, end: number): RawLine => {
    const bytes = parts.length === 0 ? last : Buffer.concat([...parts, last]);
    const line = { number, offset, size: bytes.length + end, bytes };
    offset += line.size;
    number += 1;
    parts = [];
    size = 0;
    return line;
  };
  for await (const part of source) {
    const buffer = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    let from = 0;
    for (let end = buffer.indexOf(NEWLINE); end !== -1; end = buffer.indexOf(NEWLINE, from)) {
      if (size + end - from > options.maxBytes) throw new LineTooLong(number);
      yield take(buffer.subarray(from, end), 1);
      from = end + 1;
    }
    if (from === buffer.length) continue;
    parts.push(buffer.subarray(from));
    size += buffer.length - from;
    if (size > options.maxBytes) throw new LineTooLong(number);
  }
  if (size > 0) yield take(Buffer.alloc(0), 0);
}

/** Whether a line has nothing in it but white space. */
export function isBlank({ bytes }: Pick<RawLine, "bytes">): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}
