import fc, { type Arbitrary } from "fast-check";

/** Texts that parsers, validators, Lua, JSON and C strings have stumbled over. */
const oddTexts = [
  "",
  " ",
  "\0",
  "a\0b",
  "\ud800",
  "\udc00\ud800",
  "\u2028",
  "\ufeff",
  "💥",
  "e\u0301",
  "\u202etxt",
  "﷽",
  "__proto__",
  "constructor",
  "toString",
  "then",
  "null",
  "NaN",
  "-1",
  "1e999",
  "0x10",
  "%00",
  "%",
  "%ff",
  "../../etc/passwd",
  "'; DROP TABLE jobs; --",
  "{{7*7}}",
  "*",
  "{c0}",
  "\r\nx-injected: 1",
  "a".repeat(65),
  "a".repeat(257),
  "\u00e9".repeat(4_000),
  "(".repeat(1_000),
] as const;

export const oddText: Arbitrary<string> = fc.oneof(
  fc.constantFrom(...oddTexts),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 20 }),
);

const oddNumbers = [0, -0, -1, 0.5, 1e308, -1e308, 5e-324, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 2 ** 63, 1_000_001] as const;

/** A value within others, so many times. */
function nested(depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = null;
  for (let level = 0; level < depth; level++) value = wrap(value);
  return value;
}

const deep = fc
  .tuple(fc.constantFrom(3, 62, 64, 65, 66, 1_000), fc.boolean())
  .map(([depth, isArray]) => nested(depth, (inner) => (isArray ? [inner] : { a: inner })));

/** Long enough for a limit of the API, and not for that of a whole body. */
const large: Arbitrary<unknown> = fc.constantFrom("x".repeat(70_000), Array(3_000).fill("a"), Array(21_000).fill(0), {
  a: Array(2_049).fill("b"),
});

/** JSON that hardly any field takes: other types, extremes, depth, size, texts that are none. */
export const oddValue: Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [null], [[]], { "": "" }) },
  { weight: 4, arbitrary: fc.constantFrom<unknown>(...oddNumbers) },
  { weight: 4, arbitrary: oddText },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: deep },
  { weight: 1, arbitrary: large },
);
