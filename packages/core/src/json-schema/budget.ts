import { refuse } from "./refuse.ts";

/** Schemas, listed values and parts of patterns in one request: OpenAI takes 5,000 properties. */
const MAX_NODES = 5_000;
/**
 * Characters of grammar that one request may come to. At this length llama.cpp needs about 20 ms to parse it, in which nothing
 * decodes, and 3 MB to keep it.
 */
const MAX_GRAMMAR_LENGTH = 400_000;
const MAX_DEPTH = 32;

/** How much the schemas of one request may still take: a hostile one is refused before it costs anything. */
export class SchemaBudget {
  #nodes = 0;
  #grammarLength = 0;
  readonly #shared = new Set<string>();

  /** An upper bound of the grammar's length. */
  get grammarLength(): number {
    return this.#grammarLength;
  }

  depth(levels: number, at: string): void {
    if (levels > MAX_DEPTH) refuse(at, `is nested deeper than ${MAX_DEPTH} levels.`);
  }

  nodes(count: number, at: string): void {
    this.#nodes += count;
    if (this.#nodes > MAX_NODES) refuse(at, `makes this larger than ${MAX_NODES} schemas and listed values.`);
  }

  /** Takes an upper bound of what something adds to the grammar. */
  grammar(length: number, at: string): void {
    this.#grammarLength += length;
    if (this.#grammarLength > MAX_GRAMMAR_LENGTH)
      refuse(at, "makes the grammar too large; list fewer values, or shorten names, patterns and bounds.");
  }

  /** The same for what stands in the grammar once, however often it is used. */
  grammarOnce(name: string, length: number, at: string): void {
    if (this.#shared.has(name)) return;
    this.#shared.add(name);
    this.grammar(length, at);
  }
}
