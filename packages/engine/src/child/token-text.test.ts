import { expect, test } from "vitest";
import { TokenText } from "./token-text.ts";

/** Tokens are bytes; the decoder writes U+FFFD for broken ones, as llama.cpp's binding does. */
const byteDetokenize = (tokens: number[]) => Buffer.from(tokens).toString("utf8");

function stream(bytes: readonly number[]): { out: string[]; rest: string } {
  const tokenText = new TokenText(byteDetokenize, []);
  return { out: bytes.map((byte) => tokenText.push(byte)), rest: tokenText.flush() };
}

test("never lets out part of a code point", () => {
  const { out, rest } = stream([...Buffer.from("é😀x")]);
  expect(out).toEqual(["", "é", "", "", "", "😀", "x"]);
  expect(rest).toBe("");
});

test("lets out the whole part of a token that ends inside a code point", () => {
  const pieces = [Buffer.from([0x61, 0xe2]), Buffer.from([0x82]), Buffer.from([0xac, 0x62])];
  const tokenText = new TokenText(
    (tokens) => Buffer.concat(tokens.map((token) => pieces[token] ?? Buffer.of())).toString("utf8"),
    [],
  );
  expect([tokenText.push(0), tokenText.push(1), tokenText.push(2)]).toEqual(["a", "", "€b"]);
});

test("writes U+FFFD for bytes that end the output unfinished", () => {
  expect(stream([0x61, 0xe2, 0x82])).toEqual({ out: ["a", "", ""], rest: "\uFFFD" });
});

test("goes on after bytes that are no UTF-8", () => {
  expect(stream([0xff, 0x61]).out).toEqual(["", "\uFFFDa"]);
});

test("does not hold broken bytes for ever", () => {
  const { out } = stream(new Array(20).fill(0xff));
  expect(out.join("").length).toBeGreaterThanOrEqual(9);
});

test("gives the detokenizer the tokens before, prompt included", () => {
  const seen: number[][] = [];
  const tokenText = new TokenText(
    (tokens, before) => {
      seen.push(before);
      return String(tokens[0]);
    },
    [1, 2, 3, 4],
  );
  tokenText.push(5);
  tokenText.push(6);
  expect(seen).toEqual([
    [2, 3, 4],
    [3, 4, 5],
  ]);
});
