import type { Redis } from "ioredis";
import { z } from "zod";
import type { Keys } from "./keys.ts";
import { readPage } from "./read-page.ts";
import { guarded } from "./redis-errors.ts";
import type { RunScript } from "./scripts.ts";

const number = z.string().transform(Number);
const fieldsSchema = z.object({
  owner: z.string(),
  filename: z.string(),
  purpose: z.string(),
  bytes: number,
  /** SHA-256 of the content, in hex; '' for what batches write. */
  digest: z.string(),
  created_ms: number,
  expires_ms: number.optional(),
  /** The batch that writes it, and which of its two files it is. */
  batch: z.string().optional(),
  part: z.enum(["output", "error"]).optional(),
});

/** Which of a batch's files. */
export type BatchPart = "output" | "error";

/** A file, whose content lies in the storage. */
export interface StoredFile {
  id: string;
  owner: string;
  filename: string;
  purpose: string;
  bytes: number;
  digest: string;
  createdMs: number;
  expiresMs: number | null;
  /** Who writes it; null for what was uploaded. */
  writtenBy: { batchId: string; part: BatchPart } | null;
}

export interface NewFile extends Pick<StoredFile, "id" | "owner" | "filename" | "purpose" | "bytes" | "digest"> {
  /** From now on; null: it is kept until it is deleted. */
  expiresSeconds: number | null;
  /** Digests of the caller's Idempotency-Key and of what it came with. Default: null. */
  idempotency?: { key: string; bodyHash: string } | null;
}

export type CreatedFile = { outcome: "created" } | { outcome: "duplicate" | "conflict"; id: string };

/** An object of the storage that holds a file, or a part of one. */
export interface FileObject {
  name: string;
  /** Of a batch's file: which segment's part it is. */
  segment: number | null;
  bytes: number;
}

export interface FileQuery {
  owner: string;
  purpose?: string;
  limit: number;
  after?: string;
  order: "desc" | "asc";
}

export const uploadName = (fileId: string) => `files/${fileId}`;
/** A part of a batch's file: each holder of the batch writes its own. */
export const partName = (batchId: string, part: BatchPart, segment: number | string, fence: number | string) =>
  `batches/${batchId}/${segment}.${fence}.${part}.jsonl`;

function toFile(id: string, raw: Record<string, string>): StoredFile | null {
  if (raw["owner"] === undefined) return null;
  const { created_ms, expires_ms, batch, part, ...fields } = fieldsSchema.parse(raw);
  const writtenBy = batch === undefined || part === undefined ? null : { batchId: batch, part };
  return { id, ...fields, createdMs: created_ms, expiresMs: expires_ms ?? null, writtenBy };
}

/** The parts of a batch's file, in the order of the input. */
export async function partsOf(
  redis: Redis,
  keys: Keys,
  id: string,
  { batchId, part }: { batchId: string; part: BatchPart },
): Promise<FileObject[]> {
  const parts = Object.entries(await redis.hgetall(keys.fileParts(id)));
  parts.sort(([a], [b]) => Number(a) - Number(b));
  return parts.map(([segment, text]) => {
    const [fence = "", bytes] = text.split(" ");
    return { name: partName(batchId, part, segment, fence), segment: Number(segment), bytes: Number(bytes) };
  });
}

/** Records of files: what they are, and which objects of the storage hold them. */
export function createFiles(redis: Redis, keys: Keys, run: RunScript) {
  const read = async (id: string) => toFile(id, await redis.hgetall(keys.file(id)));
  const readAll = (ids: readonly string[]) => Promise.all(ids.map(read));
  return {
    /** Says that the object of a file is about to be written: where nobody adds its record, it is removed later. */
    beginUpload: (id: string, nowMs: number): Promise<void> =>
      guarded(async () => {
        await redis.zadd(keys.uploads, nowMs, id);
      }),
    /** Adds a file whose object has been written; of one that was there before, the new object is removed. */
    async create({ id, owner, filename, purpose, bytes, digest, expiresSeconds, idempotency }: NewFile): Promise<CreatedFile> {
      const args = [
        id,
        owner,
        filename,
        purpose,
        bytes,
        digest,
        expiresSeconds ?? "",
        idempotency?.key ?? "",
        idempotency?.bodyHash ?? "",
      ];
      const [outcome, value] = (await run("create-file", args)) as [CreatedFile["outcome"], unknown];
      return outcome === "created" ? { outcome } : { outcome, id: String(value) };
    },
    /** Only the owner's own one. */
    get: ({ id, owner }: { id: string; owner: string }): Promise<StoredFile | null> =>
      guarded(async () => {
        const file = await read(id);
        return file?.owner === owner ? file : null;
      }),
    /** A page of an owner's files by creation time. */
    list: ({ owner, purpose, limit, after, order }: FileQuery): Promise<{ files: StoredFile[]; hasMore: boolean }> =>
      guarded(async () => {
        const { found, hasMore } = await readPage(redis, {
          ...{ indexes: [keys.filesOf(owner)], order, after, limit, read: readAll },
          fits: (file) => purpose === undefined || file.purpose === purpose,
        });
        return { files: found, hasMore };
      }),
    /** The objects that hold a file's content, in their order. */
    objectsOf: (file: Pick<StoredFile, "id" | "bytes" | "writtenBy">): Promise<FileObject[]> =>
      guarded(async () =>
        file.writtenBy === null
          ? [{ name: uploadName(file.id), segment: null, bytes: file.bytes }]
          : partsOf(redis, keys, file.id, file.writtenBy),
      ),
    /** `in_use`: a batch that has not ended needs it. Its objects are removed by a dispatcher. */
    async remove({ id, owner }: { id: string; owner: string }): Promise<"removed" | "in_use" | "gone"> {
      return (await run("delete-file", [id, owner])) as "removed" | "in_use" | "gone";
    },
  };
}
export type Files = ReturnType<typeof createFiles>;
