import { createHash } from "node:crypto";
import { AppError } from "@llamero/core";
import type { AdapterSource, ModelSource } from "../model-source.ts";
import type { EngineEvent } from "../options.ts";
import { localPath } from "./download.ts";
import { type GgufFile, readGgufFile } from "./gguf-file.ts";

/** A LoRA adapter as its file tells. */
export interface AdapterFile {
  /** Of the variant that it makes of its base. */
  name: string;
  path: string;
  scale: number;
  sizeBytes: number;
  /** Tells adapters of one name apart, and one adapter at two scales, or on two bases. */
  digest: string;
}

/** What a model is loaded from. */
export interface ModelFiles {
  file: GgufFile;
  adapters: AdapterFile[];
}

interface Reading {
  modelsDir: string | undefined;
  onEvent: (event: EngineEvent) => void;
}

/** What `convert_lora_to_gguf.py` and its like write into an adapter's header (llama.cpp, `llama-adapter.cpp`). */
interface AdapterHeader {
  general?: { type?: string; architecture?: string };
  adapter?: { type?: string };
}

function headerOf({ info }: GgufFile): AdapterHeader {
  return info.metadata as AdapterHeader;
}

function refuse(message: string): never {
  throw new AppError("model_file_invalid", message);
}

async function readAdapter(source: AdapterSource, base: GgufFile, reading: Reading): Promise<AdapterFile> {
  const file = await readGgufFile(await localPath(source, reading.modelsDir, reading.onEvent));
  const { general, adapter } = headerOf(file);
  if (general?.type !== "adapter" || adapter?.type !== "lora")
    refuse(`${file.path} is no LoRA adapter in GGUF form. Convert the adapter with llama.cpp's convert_lora_to_gguf.py.`);
  const architecture = headerOf(base).general?.architecture;
  if (general.architecture !== architecture)
    refuse(
      `${file.path} was made for ${general.architecture} models, and ${base.path} is ${architecture}. Name it behind its own base.`,
    );
  const digest = createHash("sha256").update(`${base.digest} ${file.digest} ${source.scale}`).digest("hex");
  return { name: source.name, path: file.path, scale: source.scale, sizeBytes: file.sizeBytes, digest };
}

/**
 * Looks at the files of a model and its adapters before llama.cpp does; downloads what is not on this machine.
 * @throws AppError `model_file_invalid`, `model_download_failed`
 */
export async function readModelFiles(source: ModelSource, reading: Reading): Promise<ModelFiles> {
  const file = await readGgufFile(await localPath(source, reading.modelsDir, reading.onEvent));
  if (headerOf(file).general?.type === "adapter")
    refuse(`${file.path} is an adapter, and no model. Name it behind its base: base.gguf+${source.name}=${file.path}.`);
  const adapters: AdapterFile[] = [];
  for (const adapter of source.adapters ?? []) adapters.push(await readAdapter(adapter, file, reading));
  return { file, adapters };
}
