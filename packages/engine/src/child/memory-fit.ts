import { AppError } from "@llamero/core";

/** How much of a model's work is held at once. */
export interface Shape {
  slots: number;
  /** Tokens per slot. */
  contextSize: number;
}

/** Bytes by where they lie. */
export interface Memory {
  ram: number;
  vram: number;
}

export interface FitOptions {
  model: string;
  wanted: Shape;
  free: Memory;
  /** What model and context take together, from llama.cpp's own estimate. */
  estimate: (shape: Shape) => Promise<Memory>;
}

/** A slot smaller than this serves nobody. */
const MIN_CONTEXT = 512;

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;

export const fits = (need: Memory, free: Memory): boolean => need.ram <= free.ram && need.vram <= free.vram;

/** The next smaller shape: fewer slots first, since a short context refuses jobs and fewer slots only delay them. */
export function smaller({ slots, contextSize }: Shape): Shape | null {
  if (slots > 1) return { slots: Math.ceil(slots / 2), contextSize };
  if (contextSize > MIN_CONTEXT) return { slots, contextSize: Math.max(MIN_CONTEXT, Math.ceil(contextSize / 2)) };
  return null;
}

/**
 * The largest shape, from the wanted one down, whose memory is free.
 * @throws AppError `model_too_large` with what it needs and what there is
 */
export async function fitToMemory({ model, wanted, free, estimate }: FitOptions): Promise<Shape> {
  let need: Memory = { ram: 0, vram: 0 };
  for (let shape: Shape | null = wanted; shape !== null; shape = smaller(shape)) {
    need = await estimate(shape);
    if (fits(need, free)) return shape;
  }
  const gpu = need.vram > 0 ? ` and ${gigabytes(need.vram)} of GPU memory (free: ${gigabytes(free.vram)})` : "";
  const text = `Model "${model}" needs at least ${gigabytes(need.ram)} of memory (free: ${gigabytes(free.ram)})${gpu}.`;
  throw new AppError("model_too_large", `${text} Take a smaller model or quantization, or a machine with more memory.`);
}
