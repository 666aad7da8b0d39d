import { expect, test } from "vitest";
import { TokenText } from "../token-text.ts";
import { showMarkers } from "./show-markers.ts";

/** Token n is the letter n of the alphabet; 24 and above are control tokens, which no text has. */
const letters = (tokens: number[]) => tokens.map((token) => (token < 24 ? String.fromCharCode(97 + token) : "")).join("");

test("shows the control tokens that are markers, and no others", () => {
  const detokenize = showMarkers(letters, new Map([[24, "[CALLS]"]]));
  expect(detokenize([0, 24, 25, 1, 24, 24], [])).toBe("a[CALLS]b[CALLS][CALLS]");
  expect(detokenize([25], [24])).toBe("");
  const stream = new TokenText(detokenize, [0]);
  expect([0, 24, 1, 25].map((token) => stream.push(token))).toEqual(["a", "[CALLS]", "b", ""]);
});

test("hands on what came before, markers included", () => {
  const seen: [number[], number[]][] = [];
  const watch = (tokens: number[], before: number[]) => {
    seen.push([[...tokens], [...before]]);
    return letters(tokens);
  };
  showMarkers(watch, new Map([[24, "!"]]))([0, 24, 1], [9]);
  expect(seen).toEqual([
    [[0], [9]],
    [[1], [9, 0, 24]],
  ]);
});
