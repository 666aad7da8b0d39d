import { BLOCK_WEIGHTS, TENSOR_TYPE, type Tensor } from "./gguf-header.ts";
import { writeRandomTensors } from "./random-gguf.ts";

export interface LoraShape {
  /** Of the base, as GGUF names it. */
  architecture: string;
  /** Layers and width of the base. */
  layers: number;
  width: number;
  /** How far it moves the base: the standard deviation of its weights, over what keeps values at their size. */
  strength: number;
}

/** Rows of Q8_0 are whole blocks, and one matrix has rows as long as the rank. */
const RANK = BLOCK_WEIGHTS;

function pairOf(name: string, { width, strength }: LoraShape): Tensor[] {
  const matrix = (part: string, shape: [number, number]): Tensor => ({
    name: `${name}.weight.${part}`,
    shape,
    type: TENSOR_TYPE.q8_0,
    fill: { deviation: Math.sqrt(strength) / Math.sqrt(shape[0]) },
  });
  return [matrix("lora_a", [width, RANK]), matrix("lora_b", [RANK, width])];
}

/** Writes a LoRA adapter of random weights on the queries and outputs of attention, whose matrices are square in every model. */
export function writeRandomLora(path: string, shape: LoraShape, seed: number): Promise<void> {
  const layers = Array.from({ length: shape.layers }, (_, index) => `blk.${index}`);
  const tensors = layers.flatMap((layer) => ["attn_q", "attn_output"].flatMap((name) => pairOf(`${layer}.${name}`, shape)));
  const string = (value: string) => ({ type: "string", value }) as const;
  const metadata = {
    "general.architecture": string(shape.architecture),
    "general.type": string("adapter"),
    "adapter.type": string("lora"),
    // Scales the product by alpha / rank: 1 here.
    "adapter.lora.alpha": { type: "f32", value: RANK },
  } as const;
  return writeRandomTensors(path, { metadata, tensors }, seed);
}
