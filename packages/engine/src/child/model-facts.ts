import type { LoadedModel } from "@llamero/core";
import { type GgufFileInfo, GgufFileType, type LlamaModel } from "node-llama-cpp";
import type { GgufFile } from "./gguf-file.ts";

/** Tokenizers that drop or fold white space: the bytes of a text say nothing about its tokens. */
const FOLDING_TOKENIZERS = new Set(["bert", "t5"]);
const UNBOUNDED_TOKEN_BYTES = 1_000_000;

/**
 * The longest token's text in bytes, or more: from the vocabulary as stored, which spells a token never shorter than it is.
 * Byte-level vocabularies ("gpt2") write each byte as one character.
 */
export function maxTokenBytes(info: GgufFileInfo): number {
  const { model, tokens = [] } = info.metadata.tokenizer?.ggml ?? {};
  if (model !== undefined && FOLDING_TOKENIZERS.has(model)) return UNBOUNDED_TOKEN_BYTES;
  let longest = 1;
  for (const token of tokens) {
    const bytes = model === "gpt2" ? token.length : Buffer.byteLength(token.replaceAll("▁", " "));
    if (bytes > longest) longest = bytes;
  }
  return longest;
}

function quantization(info: GgufFileInfo): string | null {
  const type = info.metadata.general?.file_type;
  return type === undefined ? null : (GgufFileType[type]?.replace(/^MOSTLY_|^ALL_/, "") ?? null);
}

/** What the engine says of a model it has loaded. */
export function modelFacts(options: {
  name: string;
  file: GgufFile;
  model: LlamaModel;
  contextLength: number;
  slots: number;
  hasTemplate: boolean;
}): LoadedModel {
  const { file, model, hasTemplate } = options;
  return {
    name: options.name,
    slots: options.slots,
    context_length: options.contextLength,
    capabilities: [...(hasTemplate ? (["chat"] as const) : []), "completion", "embedding"],
    embedding_length: model.embeddingVectorSize,
    max_token_bytes: maxTokenBytes(file.info),
    parameters: model.fileInsights.totalParameters,
    size_bytes: file.sizeBytes,
    architecture: file.info.metadata.general.architecture,
    quantization: quantization(file.info),
    digest: file.digest,
  };
}
