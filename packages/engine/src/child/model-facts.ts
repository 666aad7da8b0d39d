import type { LoadedModel } from "@llamero/core";
import { type GgufFileInfo, GgufFileType, type LlamaModel } from "node-llama-cpp";
import type { GgufFile } from "./gguf-file.ts";
import type { Shape } from "./memory-fit.ts";
import type { AdapterFile } from "./model-files.ts";

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

/** The last matrices of rerankers: without one, what pooling gives is no score. */
const RANKING_HEADS = new Set(["cls.weight", "cls.output.weight"]);

function poolingCapabilities({ architectureMetadata, fullTensorInfo = [] }: GgufFileInfo): Capability[] {
  if (Number(architectureMetadata.pooling_type) !== RANK_POOLING) return ["embedding"];
  return fullTensorInfo.some(({ name }) => RANKING_HEADS.has(name)) ? ["rerank"] : [];
}

/** A model that looks at text in both directions has no next token; one that ranks has a score in place of a vector. */
export function capabilitiesOf(info: GgufFileInfo, hasTemplate: boolean): Capability[] {
  if (ENCODER_ARCHITECTURES.has(info.metadata.general.architecture)) return [];
  const capabilities = poolingCapabilities(info);
  if (info.architectureMetadata.attention?.causal === false) return capabilities;
  return [...(hasTemplate ? (["chat"] as const) : []), "completion", ...capabilities];
}

export function hasTemplate(info: GgufFileInfo): boolean {
  return (info.metadata.tokenizer?.chat_template ?? "").trim() !== "";
}

function quantization(info: GgufFileInfo): string | null {
  const type = info.metadata.general?.file_type;
  return type === undefined ? null : (GgufFileType[type]?.replace(/^MOSTLY_|^ALL_/, "") ?? null);
}

/** What a model's file says of it; the shape is what of it fits into memory. */
export function modelFacts(options: { name: string; file: GgufFile; parameters: number; shape: Shape }): LoadedModel {
  const { file, parameters, shape } = options;
  const { info } = file;
  return {
    name: options.name,
    base: null,
    backend: null,
    slots: shape.slots,
    context_length: shape.contextSize,
    capabilities: capabilitiesOf(info, hasTemplate(info)),
    embedding_length: Number(info.architectureMetadata.embedding_length),
    max_token_bytes: maxTokenBytes(info),
    parameters,
    size_bytes: file.sizeBytes,
    architecture: info.metadata.general.architecture,
    quantization: quantization(info),
    digest: file.digest,
  };
}

/** What adapters act on here: embeddings and scores are computed without any. */
const VARIED: ReadonlySet<Capability> = new Set<Capability>(["chat", "completion"]);

/** What an adapter makes of its base. */
export function variantFacts(base: LoadedModel, { name, sizeBytes, digest }: AdapterFile): LoadedModel {
  const capabilities = base.capabilities.filter((capability) => VARIED.has(capability));
  return { ...base, name, base: base.name, capabilities, size_bytes: sizeBytes, digest };
}

/** Tokens that the model knows. */
export function vocabularySize(model: LlamaModel): number {
  return model.fileInfo.metadata.tokenizer?.ggml?.tokens?.length ?? 0;
}
