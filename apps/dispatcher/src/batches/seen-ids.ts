import { hash } from "node:crypto";

/** Of an id's digest, words of 32 bits that are kept: with 96 bits, two of ten million ids are taken for one with a chance of 10⁻¹⁵. */
const WORDS = 3;
const FIRST_SLOTS = 1_024;

/**
 * The ids that a file has had, in 24 to 48 bytes each, outside the heap: a set of a million strings takes four times that, and the
 * garbage collector's time.
 */
export class SeenIds {
  #table = new Uint32Array(FIRST_SLOTS * WORDS);
  #slots = FIRST_SLOTS;
  #count = 0;

  /** Whether it is new. */
  add(id: string): boolean {
    if (this.#count * 2 >= this.#slots) this.#grow();
    const digest = hash("sha256", id, "buffer");
    const words = [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8) || 1] as const;
    if (!insert(this.#table, this.#slots, words)) return false;
    this.#count += 1;
    return true;
  }

  #grow(): void {
    const slots = this.#slots * 2;
    const table = new Uint32Array(slots * WORDS);
    for (let at = 0; at < this.#table.length; at += WORDS) {
      const [a = 0, b = 0, c = 0] = this.#table.subarray(at, at + WORDS);
      if (c !== 0) insert(table, slots, [a, b, c]);
    }
    this.#table = table;
    this.#slots = slots;
  }
}

/** Open addressing; a slot whose last word is 0 is free. False: it is there already. */
function insert(table: Uint32Array, slots: number, [a, b, c]: readonly [number, number, number]): boolean {
  for (let slot = a & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
    const at = slot * WORDS;
    if (table[at + 2] === 0) {
      table[at] = a;
      table[at + 1] = b;
      table[at + 2] = c;
      return true;
    }
    if (table[at] === a && table[at + 1] === b && table[at + 2] === c) return false;
  }
}
