import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Architecture, writeRandomGguf } from "./random-gguf.ts";

const common = { vocabulary: 32_000, context: 8_192, tied: true } as const;

/** Random-weight models by name, of about as many parameters as they are called after. */
export const presets = {
  "15m": { ...common, layers: 8, width: 256, heads: 4, kvHeads: 2, feedForward: 832 },
  "100m": { ...common, layers: 12, width: 768, heads: 12, kvHeads: 4, feedForward: 2_048 },
  "1b": { ...common, layers: 16, width: 2_048, heads: 32, kvHeads: 8, feedForward: 8_192 },
} satisfies Record<string, Architecture>;

const SEED = 1;
const repository = join(import.meta.dirname, "..", "..");
const folder = join(repository, ".data", "bench-models");

function isPreset(name: string): name is keyof typeof presets {
  return Object.hasOwn(presets, name);
}

/**
 * The file of a model to measure with: `15m`, `100m` and `1b` are made on first use and kept under `.data/bench-models`;
 * `tiny` is the bundled one; anything else is a path.
 */
export async function benchModel(name: string): Promise<string> {
  if (name === "tiny") return join(repository, "models", "tiny", "tiny.gguf");
  if (!isPreset(name)) {
    if (!existsSync(name)) throw new Error(`${name} is neither a file nor one of ${Object.keys(presets).join(", ")}, tiny`);
    return resolve(name);
  }
  const path = join(folder, `random-${name}-seed-${SEED}.gguf`);
  if (existsSync(path)) return path;
  await mkdir(folder, { recursive: true });
  await writeRandomGguf(path, presets[name], SEED);
  return path;
}
