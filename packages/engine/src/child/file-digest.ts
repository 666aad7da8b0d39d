import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

/** Bytes of the head that the digest covers: all metadata of most models, at a cost that does not grow with the file. */
const HEAD_BYTES = 1_048_576;
/** Pieces of each part that it covers too, spread evenly, the last bytes among them: training changes every tensor, and no metadata. */
const PIECES = 64;
const PIECE_BYTES = 4_096;

/** A part of a model file. */
export interface FilePart {
  path: string;
  sizeBytes: number;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position });
  return buffer.subarray(0, bytesRead);
}

/** What the first bytes of a file are, as many as the digest covers. */
export async function readHead(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    return await readAt(file, 0, HEAD_BYTES);
  } finally {
    await file.close();
  }
}

/** SHA-256 over the head, the size, and pieces of all parts: tells files of one name apart, also those that differ in their weights alone. */
export async function fileDigest(head: Buffer, parts: readonly FilePart[]): Promise<string> {
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const hash = createHash("sha256").update(head).update(String(sizeBytes));
  for (const { path, sizeBytes: size } of parts) {
    const file = await open(path);
    try {
      for (let i = 1; i <= PIECES; i++) {
        const position = Math.floor((Math.max(0, size - PIECE_BYTES) * i) / PIECES);
        hash.update(await readAt(file, position, PIECE_BYTES));
      }
    } finally {
      await file.close();
    }
  }
  return hash.digest("hex");
}
