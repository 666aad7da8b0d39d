import { stat } from "node:fs/promises";
import { AppError } from "@llamero/core";
import { type GgufFileInfo, readGgufFileInfo } from "node-llama-cpp";
import { partPaths } from "../model-source.ts";
import { fileDigest, readHead } from "./file-digest.ts";

const MAGIC = "GGUF";

/** A GGUF file that is whole as far as its header tells. */
export interface GgufFile {
  path: string;
  info: GgufFileInfo;
  /** All parts together. */
  sizeBytes: number;
  digest: string;
}

function refuse(path: string, why: string, cause?: unknown): never {
  throw new AppError("model_file_invalid", `${path} ${why}`, { cause });
}

/** Finds a tensor that begins behind the end of its file; llama.cpp itself refuses one that only ends there. */
function checkTensors(path: string, info: GgufFileInfo, sizes: readonly number[]): void {
  for (const tensor of info.fullTensorInfo ?? []) {
    const size = sizes[tensor.filePart - 1] ?? 0;
    if (Number(tensor.fileOffset) >= size) {
      const why = `is truncated: ${size} bytes, but tensor ${tensor.name} begins at byte ${tensor.fileOffset}. Download it again.`;
      refuse(partPaths(path)[tensor.filePart - 1] ?? path, why);
    }
  }
}

/**
 * Looks at a model file before llama.cpp does.
 * @throws AppError `model_file_invalid` for what is not there, no GGUF, or cut off
 */
export async function readGgufFile(path: string): Promise<GgufFile> {
  const head = await readHead(path).catch((error: unknown) =>
    refuse(path, "cannot be opened. Check the path and its permissions.", error),
  );
  if (head.subarray(0, MAGIC.length).toString("latin1") !== MAGIC)
    refuse(path, "is no GGUF file (it does not begin with the bytes GGUF). Convert the model to GGUF, or name another file.");
  const parts = await Promise.all(partPaths(path).map(async (part) => ({ path: part, sizeBytes: (await stat(part)).size })));
  const info = await readGgufFileInfo(path, { sourceType: "filesystem", logWarnings: false }).catch((error: unknown) =>
    refuse(path, "has a damaged or truncated header. Download it again.", error),
  );
  checkTensors(
    path,
    info,
    parts.map(({ sizeBytes }) => sizeBytes),
  );
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  return { path, info, sizeBytes, digest: await fileDigest(head, parts) };
}
