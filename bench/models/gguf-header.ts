/** GGUF's tensor types, as far as they are written here. */
export const TENSOR_TYPE = { f32: 0, q8_0: 8 } as const;
/** Q8_0 stores 32 weights as one half-precision scale and 32 signed bytes. */
export const BLOCK_WEIGHTS = 32;
export const BLOCK_BYTES = 34;
/** Where tensors begin, in bytes: GGUF's default. */
const ALIGNMENT = 32;
const VERSION = 3;

export interface Tensor {
  name: string;
  /** Fastest first: width of a row, then rows. */
  shape: number[];
  type: (typeof TENSOR_TYPE)[keyof typeof TENSOR_TYPE];
  /** Standard deviation of random weights, or the value of all of them. */
  fill: { deviation: number } | { value: number };
}

export type Value =
  | { type: "u32" | "i32" | "f32"; value: number }
  | { type: "bool"; value: boolean }
  | { type: "string"; value: string }
  | { type: "u32s" | "i32s" | "f32s"; value: readonly number[] }
  | { type: "strings"; value: readonly string[] };

/** GGUF's value types; an array is 9, then the type of its elements. */
const VALUE_TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8 } as const;
const ARRAY_TYPE = 9;

export function tensorBytes({ shape, type }: Tensor): number {
  const weights = shape.reduce((product, size) => product * size, 1);
  return type === TENSOR_TYPE.f32 ? weights * 4 : (weights / BLOCK_WEIGHTS) * BLOCK_BYTES;
}

export function padding(bytes: number): Buffer {
  return Buffer.alloc((ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT);
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function array(type: number, elements: readonly Buffer[]): Buffer {
  return Buffer.concat([u32(ARRAY_TYPE), u32(type), u64(elements.length), ...elements]);
}

function numbers(type: number, view: Int32Array | Uint32Array | Float32Array): Buffer {
  return Buffer.concat([
    u32(ARRAY_TYPE),
    u32(type),
    u64(view.length),
    Buffer.from(view.buffer, view.byteOffset, view.byteLength),
  ]);
}

function encode(entry: Value): Buffer {
  switch (entry.type) {
    case "u32":
      return Buffer.concat([u32(VALUE_TYPE.u32), u32(entry.value)]);
    case "i32":
      return Buffer.concat([u32(VALUE_TYPE.i32), Buffer.from(Int32Array.of(entry.value).buffer)]);
    case "f32":
      return Buffer.concat([u32(VALUE_TYPE.f32), Buffer.from(Float32Array.of(entry.value).buffer)]);
    case "bool":
      return Buffer.concat([u32(VALUE_TYPE.bool), Buffer.from([Number(entry.value)])]);
    case "string":
      return Buffer.concat([u32(VALUE_TYPE.string), text(entry.value)]);
    case "u32s":
      return numbers(VALUE_TYPE.u32, Uint32Array.from(entry.value));
    case "i32s":
      return numbers(VALUE_TYPE.i32, Int32Array.from(entry.value));
    case "f32s":
      return numbers(VALUE_TYPE.f32, Float32Array.from(entry.value));
    case "strings":
      return array(VALUE_TYPE.string, entry.value.map(text));
  }
}

/** Everything of a GGUF file before its tensors' data (specification: ggml/docs/gguf.md). */
export function ggufHeader(metadata: Readonly<Record<string, Value>>, tensors: readonly Tensor[]): Buffer {
  const parts = [Buffer.from("GGUF"), u32(VERSION), u64(tensors.length), u64(Object.keys(metadata).length)];
  for (const [key, value] of Object.entries(metadata)) parts.push(text(key), encode(value));
  let offset = 0;
  for (const tensor of tensors) {
    parts.push(text(tensor.name), u32(tensor.shape.length), ...tensor.shape.map(u64), u32(tensor.type), u64(offset));
    offset += tensorBytes(tensor);
    offset += padding(offset).length;
  }
  const head = Buffer.concat(parts);
  return Buffer.concat([head, padding(head.length)]);
}
