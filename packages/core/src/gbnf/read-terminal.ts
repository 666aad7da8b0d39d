import type { GbnfNode } from "./gbnf-node.ts";
import type { GbnfSource } from "./gbnf-source.ts";

const controlEscapes: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9 };
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const SIGN_ESCAPES = '\\"[]-';
const ESCAPES = '\\n, \\r, \\t, \\\\, \\", \\[, \\], \\-, \\x and 2 hex digits, \\u and 4, \\U and 8';

const NOTHING: GbnfNode = { kind: "literal", points: [] };

function isHex(character: string): boolean {
  return /^[0-9a-fA-F]$/.test(character);
}

function readHex(source: GbnfSource, at: number, digits: number): number {
  const hex = source.takeAll(isHex, digits);
  if (hex.length < digits) source.refuse(at, `This escape has ${digits} hex digits; fill up with zeros in front.`);
  return Number.parseInt(hex, 16);
}

function readEscape(source: GbnfSource): number {
  const at = source.position;
  source.take("\\");
  const sign = source.next;
  const digits = HEX_DIGITS[sign];
  const point = SIGN_ESCAPES.includes(sign) ? sign.codePointAt(0) : controlEscapes[sign];
  if (digits === undefined && point === undefined) source.refuse(at, `This is no escape; there are ${ESCAPES}.`);
  source.take(sign);
  return digits === undefined ? (point ?? 0) : readHex(source, at, digits);
}

/** One character of a text or of a choice of characters, which ends with `end`. */
function readCharacter(source: GbnfSource, start: number, end: string): number {
  if (source.next === "\\") return readEscape(source);
  return source.point() ?? source.refuse(start, `This is not closed; put ${end} behind its last character.`);
}

/** A text in double quotes. */
export function readLiteral(source: GbnfSource): GbnfNode {
  const start = source.position;
  const points: number[] = [];
  source.take('"');
  while (!source.take('"')) points.push(readCharacter(source, start, '"'));
  return { kind: "literal", points };
}

/** Characters to choose from, in square brackets. Without any, llama.cpp takes them for nothing. */
export function readCharacters(source: GbnfSource): GbnfNode {
  const start = source.position;
  const ranges: [from: number, to: number][] = [];
  source.take("[");
  const isNegated = source.take("^");
  while (!source.take("]")) {
    const from = readCharacter(source, start, "]");
    const isRange = !source.isNext("-]") && source.take("-");
    ranges.push([from, isRange ? readCharacter(source, start, "]") : from]);
  }
  return ranges.length === 0 ? NOTHING : { kind: "characters", ranges, isNegated };
}

/** A token by its id. Names of tokens are not known where the engine reads a grammar: it has no vocabulary there. */
export function readToken(source: GbnfSource): GbnfNode {
  const isNegated = source.take("!");
  const at = source.position;
  if (!source.take("<")) source.refuse(at, "! stands in front of a token, as in !<[1234]>.");
  if (!source.take("[")) source.refuse(at, "Name a token by its id, as in <[1234]>; its text is not known here.");
  const digits = source.takeAll((character) => /^\d$/.test(character));
  if (digits === "" || !source.take("]>")) source.refuse(at, "A token is written <[1234]>, with its id.");
  if (Number(digits) > 0xffff_ffff) source.refuse(at, "There are no tokens with ids as large as this.");
  return { kind: "token", id: Number(digits), isNegated };
}
