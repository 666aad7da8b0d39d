import { randomBytes } from "node:crypto";

/** A piece of a rendered chat: the template's own words, or a text of the caller's. */
export interface Piece {
  text: string;
  isCallers: boolean;
}

/** Words and numbers spell no control token; templates look at them, as at the types in a schema. */
const PLAIN = /^[\w$ .,-]*$/;

/**
 * Keeps the caller's texts out of a chat template: it renders seals, random marks of the same place, which are replaced afterwards.
 * So what the caller wrote is never taken for a word of the template, nor for a control token.
 */
export class SealedTexts {
  readonly #texts: string[] = [];
  readonly #mark = `S${randomBytes(12).toString("hex")}`;

  /** The seal of a text. It holds a quote, which tells afterwards how often the template has put it into JSON. */
  seal(text: string): string {
    return `${this.#mark}"${this.#texts.push(text) - 1}S`;
  }

  /** A value of JSON with all its texts sealed, keys included, but for those that cannot do harm. */
  sealAll(value: unknown): unknown {
    if (typeof value === "string") return PLAIN.test(value) ? value : this.seal(value);
    if (Array.isArray(value)) return value.map((item) => this.sealAll(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [String(this.sealAll(key)), this.sealAll(item)]));
  }

  /** Opens the seals of a rendered chat. */
  open(rendered: string): Piece[] {
    const parts = rendered.split(new RegExp(`${this.#mark}(\\\\*)"(\\d+)S`));
    const pieces: Piece[] = [];
    for (let index = 0; index < parts.length; index += 3) {
      pieces.push({ text: parts[index] ?? "", isCallers: false });
      const text = this.#texts[Number(parts[index + 2] ?? -1)];
      if (text !== undefined) pieces.push({ text: inJson(text, parts[index + 1] ?? ""), isCallers: true });
    }
    return pieces.filter((piece) => piece.text !== "");
  }
}

/** A text as it stands in JSON in which quotes have so many backslashes: 1 for JSON, 3 for JSON in JSON. */
function inJson(text: string, backslashes: string): string {
  let escaped = text;
  for (let left = backslashes.length; left > 0; left = (left - 1) / 2) escaped = JSON.stringify(escaped).slice(1, -1);
  return escaped;
}
