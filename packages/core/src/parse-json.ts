import { AppError } from "./errors.ts";
import { shorten } from "./shorten.ts";

/** Deepest nesting taken: far beyond any request, far below what overflows a recursive validator. */
const MAX_DEPTH = 64;
/** Most values taken, keys not counted: several times the largest legal request. It bounds the issues a validator can find. */
const MAX_VALUES = 20_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const opening = new Set([0x5b, 0x7b]);
const closing = new Set([0x5d, 0x7d]);

/** The index of the quote that ends the string which starts at `start`; past the end when there is none. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

/** Refuses by shape before anything is built from the text. */
function checkShape(text: string, what: string): void {
  let depth = 0;
  let values = 1;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) i = endOfString(text, i);
    else if (char === COMMA) values++;
    else if (opening.has(char)) {
      values++;
      if (++depth > MAX_DEPTH) throw new AppError("invalid_json", `${what} is nested deeper than ${MAX_DEPTH} levels.`);
    } else if (closing.has(char)) depth--;
  }
  if (values > MAX_VALUES) throw new AppError("invalid_json", `${what} has more than ${MAX_VALUES} values.`);
}

/** What V8 quotes of a text around an unexpected token: not to be repeated where it may be a part of a secret. */
const EXCERPT = /, (?:\.{3})?".*$/s;

/** What can only be there when the text has one of these; most bodies have none and are spared the walk. */
const SUSPECT = /\\u|__proto__/;

function refuse(path: readonly string[], what: string): never {
  const name = path.map(shorten).join(".");
  throw new AppError("invalid_request", `${name === "" ? "The body" : name} ${what}.`, { param: name || null });
}

function checkText(text: string, path: readonly string[]): void {
  if (!text.isWellFormed()) refuse(path, "has an unpaired surrogate (\\ud800 to \\udfff), which is no character");
  if (text.includes("\0")) refuse(path, "has a NUL character (\\u0000), which is no text");
}

/** JSON that is not I-JSON (RFC 7493) or that would not mean the same to every reader down the line. */
function checkTexts(value: unknown, path: readonly string[]): void {
  if (typeof value === "string") checkText(value, path);
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    checkText(key, path);
    if (key === "__proto__") refuse(path, "has the key __proto__, which is not taken");
    checkTexts(item, [...path, key]);
  }
}

/**
 * Parses a JSON text from outside, with limits on what its shape may cost.
 * @param what begins the messages
 * @throws AppError `invalid_json`; `invalid_request` for texts that are no text and for the key `__proto__`
 */
export function parseJson(text: string, what = "The body"): unknown {
  checkShape(text, what);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : "";
    const detail = text.includes('"secret"') ? said.replace(EXCERPT, "") : said;
    throw new AppError("invalid_json", `${what} is not valid JSON: ${detail}`, { cause });
  }
  if (SUSPECT.test(text)) checkTexts(value, []);
  return value;
}

/** How many values there are in a value, itself included. */
function countValues(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce<number>((count, item) => count + countValues(item), 1);
}

/**
 * Holds what came otherwise than as JSON, in a form of bounded depth, to what `parseJson` lets through.
 * @throws AppError `invalid_request`
 */
export function checkPlain(value: unknown): void {
  if (countValues(value) > MAX_VALUES) refuse([], `has more than ${MAX_VALUES} values`);
  checkTexts(value, []);
}
