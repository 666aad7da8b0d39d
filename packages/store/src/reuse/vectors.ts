import type { RunScript } from "../scripts.ts";
import { inputKey } from "./reuse-key.ts";

/** Whose texts these are, and what has embedded them or is to. */
export interface VectorsOf {
  slug: string;
  mark: string;
  owner: string;
}

export interface KnownVector {
  /** Of length 1; each number is a float of 32 bits. */
  vector: number[];
  /** Of the text. */
  tokens: number;
}

/** Texts that one call of a script looks up: two milliseconds of Redis's time. */
const LOOKED_UP_AT_ONCE = 512;
const KEPT_AT_ONCE = 128;

const toText = (vector: readonly number[]) => Buffer.from(Float32Array.from(vector).buffer).toString("base64");

function toVector(text: string): number[] {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  return Array.from(new Float32Array(bytes.buffer));
}

/**
 * The vectors that are kept of texts.
 * @param want `all`: where one is not kept, none is given
 */
export async function findVectors(
  run: RunScript,
  { slug, mark, owner }: VectorsOf,
  texts: readonly string[],
  want: "all" | "any",
): Promise<Map<string, KnownVector>> {
  const known = new Map<string, KnownVector>();
  for (let from = 0; from < texts.length; from += LOOKED_UP_AT_ONCE) {
    const asked = texts.slice(from, from + LOOKED_UP_AT_ONCE);
    const keys = asked.map((text) => inputKey(mark, owner, text));
    const reply = (await run("find-vectors", [slug, want, ...keys])) as (string | null)[];
    if (reply.length === 0) return new Map();
    for (const [index, text] of asked.entries()) {
      const [tokens, vector] = [reply[index * 2], reply[index * 2 + 1]];
      if (tokens && vector) known.set(text, { tokens: Number(tokens), vector: toVector(vector) });
    }
  }
  return known;
}

export async function keepVectors(
  run: RunScript,
  { slug, mark, owner }: VectorsOf,
  vectors: ReadonlyMap<string, KnownVector>,
): Promise<void> {
  const all = Array.from(vectors, ([text, { vector, tokens }]) => [inputKey(mark, owner, text), tokens, toText(vector)]);
  for (let from = 0; from < all.length; from += KEPT_AT_ONCE)
    await run("keep-vectors", [slug, ...all.slice(from, from + KEPT_AT_ONCE).flat()]);
}
