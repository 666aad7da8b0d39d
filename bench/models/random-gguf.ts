import { open, rename } from "node:fs/promises";
import {
  BLOCK_BYTES,
  BLOCK_WEIGHTS,
  ggufHeader,
  padding,
  TENSOR_TYPE,
  type Tensor,
  tensorBytes,
  type Value,
} from "./gguf-header.ts";
import { CHAT_TEMPLATE, inventVocabulary } from "./vocabulary.ts";

/** The shape of a llama model. Widths are multiples of 32, as Q8_0 wants them. */
export interface Architecture {
  layers: number;
  width: number;
  heads: number;
  /** Heads of keys and values: fewer than `heads` is grouped-query attention. */
  kvHeads: number;
  feedForward: number;
  vocabulary: number;
  /** The longest context the model says it was made for, in tokens. */
  context: number;
  /** The output shares the embedding's weights. */
  tied: boolean;
}

/** GGUF's file type of "mostly Q8_0". */
const FILE_TYPE_Q8_0 = 7;
/** llama.cpp's number of the quantisation formats' version. */
const QUANTIZATION_VERSION = 2;
/** Random bytes are uniform over −64 … 63; this is their standard deviation. */
const BYTE_DEVIATION = 128 / Math.sqrt(12);
/** Small, so that a tied output does not name the current token again and again. */
const EMBEDDING_DEVIATION = 0.02;
/** Makes logits spread by a few units instead of a fraction, as a trained model's do. */
const OUTPUT_NORM = 8;
/** A multiple of a block and of four bytes: what is in memory at a time. */
const CHUNK_BYTES = BLOCK_BYTES * 2 ** 17;

function layerTensors(index: number, { width, heads, kvHeads, feedForward }: Architecture): Tensor[] {
  const kvWidth = (width / heads) * kvHeads;
  const matrix = (name: string, input: number, output: number): Tensor => ({
    name: `blk.${index}.${name}.weight`,
    shape: [input, output],
    type: TENSOR_TYPE.q8_0,
    fill: { deviation: 1 / Math.sqrt(input) },
  });
  return [
    norm(`blk.${index}.attn_norm.weight`, width, 1),
    matrix("attn_q", width, width),
    matrix("attn_k", width, kvWidth),
    matrix("attn_v", width, kvWidth),
    matrix("attn_output", width, width),
    norm(`blk.${index}.ffn_norm.weight`, width, 1),
    matrix("ffn_gate", width, feedForward),
    matrix("ffn_up", width, feedForward),
    matrix("ffn_down", feedForward, width),
  ];
}

export function norm(name: string, width: number, value: number): Tensor {
  return { name, shape: [width], type: TENSOR_TYPE.f32, fill: { value } };
}

function tensorsOf(architecture: Architecture): Tensor[] {
  const { width, vocabulary, layers, tied } = architecture;
  const embedding = (name: string): Tensor => ({
    name,
    shape: [width, vocabulary],
    type: TENSOR_TYPE.q8_0,
    fill: { deviation: EMBEDDING_DEVIATION },
  });
  return [
    embedding("token_embd.weight"),
    ...Array.from({ length: layers }, (_, index) => layerTensors(index, architecture)).flat(),
    norm("output_norm.weight", width, OUTPUT_NORM),
    ...(tied ? [] : [embedding("output.weight")]),
  ];
}

function metadataOf(name: string, architecture: Architecture): Record<string, Value> {
  const { tokens, scores, types, bos, eos, unknown } = inventVocabulary(architecture.vocabulary);
  const u32 = (value: number): Value => ({ type: "u32", value });
  const f32 = (value: number): Value => ({ type: "f32", value });
  const string = (value: string): Value => ({ type: "string", value });
  return {
    "general.architecture": string("llama"),
    "general.name": string(name),
    "general.file_type": u32(FILE_TYPE_Q8_0),
    "general.quantization_version": u32(QUANTIZATION_VERSION),
    "llama.context_length": u32(architecture.context),
    "llama.embedding_length": u32(architecture.width),
    "llama.block_count": u32(architecture.layers),
    "llama.feed_forward_length": u32(architecture.feedForward),
    "llama.vocab_size": u32(architecture.vocabulary),
    "llama.rope.dimension_count": u32(architecture.width / architecture.heads),
    "llama.rope.freq_base": f32(10_000),
    "llama.attention.head_count": u32(architecture.heads),
    "llama.attention.head_count_kv": u32(architecture.kvHeads),
    "llama.attention.layer_norm_rms_epsilon": f32(1e-5),
    "tokenizer.ggml.model": string("llama"),
    "tokenizer.ggml.pre": string("default"),
    "tokenizer.ggml.tokens": { type: "strings", value: tokens },
    "tokenizer.ggml.scores": { type: "f32s", value: scores },
    "tokenizer.ggml.token_type": { type: "i32s", value: types },
    "tokenizer.ggml.bos_token_id": u32(bos),
    "tokenizer.ggml.eos_token_id": u32(eos),
    "tokenizer.ggml.eot_token_id": u32(eos),
    "tokenizer.ggml.unknown_token_id": u32(unknown),
    "tokenizer.ggml.add_bos_token": { type: "bool", value: true },
    "tokenizer.ggml.add_eos_token": { type: "bool", value: false },
    "tokenizer.ggml.add_space_prefix": { type: "bool", value: false },
    "tokenizer.chat_template": string(CHAT_TEMPLATE),
  };
}

/** A positive normal number as IEEE 754 half precision. */
function toHalf(value: number): number {
  const exponent = Math.floor(Math.log2(value));
  const mantissa = Math.round((value / 2 ** exponent - 1) * 1024);
  return ((exponent + 15) << 10) + mantissa;
}

/** Fills words with random bytes from −64 to 63 (xorshift32); gives the generator's next state. */
function fillRandom(words: Uint32Array, state: number): number {
  let x = state;
  for (let index = 0; index < words.length; index++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    // Subtracts 64 from each of four bytes below 128, without a borrow from the neighbour.
    words[index] = (((x & 0x7f7f7f7f) | 0x80808080) - 0x40404040) ^ 0x80808080;
  }
  return x;
}

/** Gives a tensor's data piece by piece, in a buffer that is used again for the next piece. */
function* dataOf(tensor: Tensor, random: { state: number }, chunk: Buffer): Generator<Buffer> {
  const { fill } = tensor;
  if ("value" in fill) {
    yield Buffer.from(new Float32Array(tensor.shape[0] ?? 0).fill(fill.value).buffer);
    return;
  }
  const scale = toHalf(fill.deviation / BYTE_DEVIATION);
  const words = new Uint32Array(chunk.buffer, chunk.byteOffset, CHUNK_BYTES / 4);
  for (let left = tensorBytes(tensor); left > 0; left -= CHUNK_BYTES) {
    const size = Math.min(left, CHUNK_BYTES);
    random.state = fillRandom(words.subarray(0, Math.ceil(size / 4)), random.state);
    for (let at = 0; at < size; at += BLOCK_BYTES) chunk.writeUInt16LE(scale, at);
    yield chunk.subarray(0, size);
  }
}

/** Weights of an architecture, all of its tensors together. */
export function parameterCount(architecture: Architecture): number {
  return tensorsOf(architecture).reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

/**
 * Writes a model of random weights: it computes what a trained model of its shape computes, and says nothing.
 * The same seed gives the same bytes. Memory stays at a few megabytes whatever the size.
 */
export async function writeRandomGguf(path: string, architecture: Architecture, seed: number): Promise<void> {
  if (architecture.width % BLOCK_WEIGHTS !== 0 || architecture.feedForward % BLOCK_WEIGHTS !== 0)
    throw new Error(`widths must be multiples of ${BLOCK_WEIGHTS}`);
  await writeRandomTensors(
    path,
    { metadata: metadataOf(`random-${seed}`, architecture), tensors: tensorsOf(architecture) },
    seed,
  );
}

/** Writes a GGUF file whose tensors are filled as they say; it is there when it is whole. */
export async function writeRandomTensors(
  path: string,
  { metadata, tensors }: { metadata: Readonly<Record<string, Value>>; tensors: readonly Tensor[] },
  seed: number,
): Promise<void> {
  const random = { state: (seed * 0x9e3779b1) | 1 };
  const chunk = Buffer.from(new ArrayBuffer(CHUNK_BYTES));
  const partial = `${path}.${process.pid}.part`;
  const file = await open(partial, "w");
  try {
    await file.write(ggufHeader(metadata, tensors));
    for (const tensor of tensors) {
      for (const data of dataOf(tensor, random, chunk)) await file.write(data);
      await file.write(padding(tensorBytes(tensor)));
    }
  } finally {
    await file.close();
  }
  await rename(partial, path);
}
