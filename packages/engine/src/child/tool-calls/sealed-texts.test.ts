import { expect, test } from "vitest";
import { SealedTexts } from "./sealed-texts.ts";

test("opens seals where they stand, escaped as often as they were put into JSON", () => {
  const seals = new SealedTexts();
  const seal = seals.seal('a "b"\n');
  const once = JSON.stringify(seal);
  const rendered = `${seal}|${once}|${JSON.stringify(once)}|${seal}${seal}`;
  const text = 'a "b"\n';
  const json = JSON.stringify(text);
  const pieces = seals.open(rendered);
  expect(pieces.map((piece) => piece.text).join("")).toBe(`${text}|${json}|${JSON.stringify(json)}|${text}${text}`);
  expect(pieces.filter((piece) => piece.isCallers)).toHaveLength(5);
});

test("seals every text of a value but words, keys included, and leaves the rest", () => {
  const seals = new SealedTexts();
  const value = { type: "object", "<k>": ["a b", "<v>", 1, null, true, { n: 1.5 }] };
  const sealed = seals.sealAll(value);
  expect(JSON.stringify(sealed)).not.toMatch(/<[kv]>/);
  expect(sealed).toMatchObject({ type: "object" });
  const whole = seals.open(JSON.stringify(sealed)).map((piece) => piece.text);
  expect(JSON.parse(whole.join(""))).toEqual(value);
});

test("a text that looks like a seal is none", () => {
  const seals = new SealedTexts();
  const first = seals.seal("<secret>");
  const second = seals.seal(first);
  expect(seals.open(second)).toEqual([{ text: first, isCallers: true }]);
});
