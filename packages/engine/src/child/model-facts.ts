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

type Capability = LoadedModel["capabilities"][number];

/** Models of these architectures encode first and decode then, which slots do not do. */
const ENCODER_ARCHITECTURES = new Set(["t5", "t5encoder"]);

/** GGUF's `pooling_type` of rerankers. */
const RANK_POOLING = 4;

/** A model that looks at text in both directions has no next token; one that ranks has no vector. */
export function capabilitiesOf(info: GgufFileInfo, hasTemplate: boolean): Capability[] {
  if (ENCODER_ARCHITECTURES.has(info.metadata.general.architecture)) return [];
  const { attention, pooling_type } = info.architectureMetadata;
  const capabilities: Capability[] = Number(pooling_type) === RANK_POOLING ? [] : ["embedding"];
  if (attention?.causal === false) return capabilities;
  return [...(hasTemplate ? (["chat"] as const) : []), "completion", ...capabilities];
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
    capabilities: capabilitiesOf(file.info, hasTemplate),
    embedding_length: model.embeddingVectorSize,
    max_token_bytes: maxTokenBytes(file.info),
    parameters: model.fileInsights.totalParameters,
    size_bytes: file.sizeBytes,
    architecture: file.info.metadata.general.architecture,
    quantization: quantization(file.info),
    digest: file.digest,
  };
}
