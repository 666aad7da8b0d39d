import { TENSOR_TYPE, type Tensor, type Value } from "./gguf-header.ts";
import { norm, writeRandomTensors } from "./random-gguf.ts";
import { inventVocabulary, TOKEN_TYPE } from "./vocabulary.ts";

/** The shape of a BERT encoder with a ranking head. Widths are multiples of 32, as Q8_0 wants them. */
export interface RerankerArchitecture {
  layers: number;
  width: number;
  heads: number;
  feedForward: number;
  vocabulary: number;
  /** The longest pair, in tokens. */
  context: number;
}

/** GGUF's pooling type of rerankers. */
const RANK_POOLING = 4;
/** Wide enough that scores spread over most of 0 to 1. */
const HEAD_DEVIATION = 0.5;

function random(name: string, shape: [number, number], deviation = 1 / Math.sqrt(shape[0])): Tensor {
  return { name: `${name}.weight`, shape, type: TENSOR_TYPE.q8_0, fill: { deviation } };
}

function layerNorm(name: string, width: number): Tensor[] {
  return [norm(`${name}.weight`, width, 1), norm(`${name}.bias`, width, 0)];
}

function layerTensors(layer: string, { width, feedForward }: RerankerArchitecture): Tensor[] {
  return [
    ...["attn_q", "attn_k", "attn_v", "attn_output"].map((name) => random(`${layer}.${name}`, [width, width])),
    ...layerNorm(`${layer}.attn_output_norm`, width),
    random(`${layer}.ffn_up`, [width, feedForward]),
    random(`${layer}.ffn_down`, [feedForward, width]),
    ...layerNorm(`${layer}.layer_output_norm`, width),
  ];
}

function tensorsOf(architecture: RerankerArchitecture): Tensor[] {
  const { layers, width, vocabulary, context } = architecture;
  return [
    random("token_embd", [width, vocabulary], 1),
    random("position_embd", [width, context], 1),
    ...layerNorm("token_embd_norm", width),
    ...Array.from({ length: layers }, (_, index) => layerTensors(`blk.${index}`, architecture)).flat(),
    random("cls", [width, width]),
    random("cls.output", [width, 1], HEAD_DEVIATION),
  ];
}

function metadataOf(architecture: RerankerArchitecture): Record<string, Value> {
  const { tokens, types, bos, eos, unknown } = inventVocabulary(architecture.vocabulary);
  const u32 = (value: number): Value => ({ type: "u32", value });
  const string = (value: string): Value => ({ type: "string", value });
  return {
    "general.architecture": string("bert"),
    "general.name": string("random reranker"),
    "bert.context_length": u32(architecture.context),
    "bert.embedding_length": u32(architecture.width),
    "bert.block_count": u32(architecture.layers),
    "bert.feed_forward_length": u32(architecture.feedForward),
    "bert.attention.head_count": u32(architecture.heads),
    "bert.attention.layer_norm_epsilon": { type: "f32", value: 1e-12 },
    "bert.attention.causal": { type: "bool", value: false },
    "bert.pooling_type": u32(RANK_POOLING),
    "tokenizer.ggml.model": string("bert"),
    "tokenizer.ggml.tokens": { type: "strings", value: tokens },
    // This tokenizer knows no single bytes.
    "tokenizer.ggml.token_type": {
      type: "i32s",
      value: types.map((type) => (type === TOKEN_TYPE.byte ? TOKEN_TYPE.normal : type)),
    },
    "tokenizer.ggml.token_type_count": u32(1),
    "tokenizer.ggml.bos_token_id": u32(bos),
    "tokenizer.ggml.seperator_token_id": u32(eos),
    "tokenizer.ggml.padding_token_id": u32(unknown),
    "tokenizer.ggml.unknown_token_id": u32(unknown),
  };
}

/** Writes a reranker of random weights: its scores say nothing, and always the same. */
export function writeRandomReranker(path: string, architecture: RerankerArchitecture, seed: number): Promise<void> {
  return writeRandomTensors(path, { metadata: metadataOf(architecture), tensors: tensorsOf(architecture) }, seed);
}
