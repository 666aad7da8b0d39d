import { type Random, seededRandom } from "@llamero/testkit";
import { readGgufFileInfo } from "node-llama-cpp";

/** Pieces that stand for a space and a whole word, in SentencePiece's spelling and in byte-level BPE's. */
const WHOLE_WORD = /^[▁Ġ]([a-z]{2,})$/;
const NORMAL_TOKEN = 1;
const ENOUGH_WORDS = 100;

/** Makes prompts of an exact length for one model: each word is a token of its own. */
export class Prompts {
  readonly #words: readonly [string, ...string[]];
  /** Vocabularies that put a space before a text get it without one. */
  readonly #beginning: string;
  readonly #random: Random;

  private constructor(words: readonly [string, ...string[]], beginning: string, seed: number) {
    this.#words = words;
    this.#beginning = beginning;
    this.#random = seededRandom(seed);
  }

  static async of(path: string, seed: number): Promise<Prompts> {
    const { metadata } = await readGgufFileInfo(path, { logWarnings: false });
    const vocabulary = metadata.tokenizer?.ggml;
    const tokens = vocabulary?.tokens ?? [];
    const isNormal = (index: number) => (vocabulary?.token_type?.[index] ?? NORMAL_TOKEN) === NORMAL_TOKEN;
    const [first, ...rest] = tokens.flatMap((token, index) => (isNormal(index) ? (WHOLE_WORD.exec(token)?.[1] ?? []) : []));
    if (first === undefined || rest.length < ENOUGH_WORDS) throw new Error(`${path} has too few words in its vocabulary`);
    const addsSpace = vocabulary?.model === "llama" && vocabulary.add_space_prefix !== false;
    return new Prompts([first, ...rest], addsSpace ? "" : " ", seed);
  }

  /** A text of `count` tokens, different each time. Beginning-of-text tokens come on top. */
  words(count: number): string {
    return this.#beginning + Array.from({ length: count }, () => this.#random.pick(this.#words)).join(" ");
  }

  /** A whole number below a limit, from the same seed. */
  below(limit: number): number {
    return this.#random.below(limit);
  }
}
