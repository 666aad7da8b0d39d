import type { Random } from "@llamero/testkit";

type Schema = Record<string, unknown>;

const names = ["a", "b", "ab", "name", "é", 'q"t', "x y", "constructor_"] as const;
const patterns = [
  "^[a-z]+$",
  "^\\d{3}-\\d{4}$",
  "[A-Z]",
  "^https?://",
  "^(foo|bar)?[0-9]{0,3}$",
  "^[\\w.-]{1,20}$",
  "^a{2,}b?|c$",
] as const;
const formats = ["date-time", "date", "time", "uuid", "email", "hostname", "ipv4", "uri"] as const;
const listed = ["a", "ab", 1, 12, null, true];

/** What a reference of a random schema leads to; one of them to itself. */
const $defs = {
  tree: {
    type: "object",
    properties: { v: { type: "integer" }, kids: { type: "array", items: { $ref: "#/$defs/tree" }, maxItems: 2 } },
    required: ["v"],
  },
  leaf: { anyOf: [{ type: "boolean" }, { $ref: "#/$defs/tree" }] },
};

const hundredths = (value: number) => Math.round(value * 100) / 100;

/** Schemas of values without others in them. */
const simple: readonly [(random: Random) => Schema, ...((random: Random) => Schema)[]] = [
  () => ({}),
  (random) => ({ type: random.pick(["string", "integer", "number", "boolean", "null", "object", "array"]) }),
  (random) => ({ type: [random.pick(["string", "integer"]), "null"] }),
  (random) => ({ type: "string", minLength: random.below(4), maxLength: 4 + random.below(300) }),
  (random) => ({ type: "string", pattern: random.pick(patterns) }),
  (random) => ({ type: "string", pattern: "^[a-z][a-z0-9]*$", minLength: random.below(3), maxLength: 3 + random.below(40) }),
  (random) => ({ type: "string", format: random.pick(formats) }),
  (random) => ranged(random, "integer", (value) => Math.round(value * 1_000)),
  (random) => ranged(random, "number", (value) => hundredths(value * 10 ** random.below(5))),
  (random) => ({
    type: "number",
    [random.pick(["exclusiveMinimum", "exclusiveMaximum", "minimum", "maximum"])]: random.below(5) - 2,
  }),
  (random) => ({ enum: listed.slice(0, 1 + random.below(listed.length)) }),
  (random) => ({ const: random.pick(listed as [unknown, ...unknown[]]) }),
  (random) => ({ $ref: random.pick(["#/$defs/tree", "#/$defs/leaf"]) }),
];

function ranged(random: Random, type: string, scale: (value: number) => number): Schema {
  const [low, high] = [scale(random.next() - 0.5), scale(random.next() - 0.5)].sort((a, b) => a - b);
  return { type, minimum: low, maximum: high };
}

function object(random: Random, depth: number): Schema {
  const own = names.filter(() => random.chance(0.5));
  const required = own.filter(() => random.chance(0.4));
  const least = random.below(own.length + 1);
  return {
    type: "object",
    properties: Object.fromEntries(own.map((name) => [name, schema(random, depth - 1)])),
    ...(random.chance(0.8) ? { required } : {}),
    ...(random.chance(0.3) ? { additionalProperties: random.pick<boolean | Schema>([false, true, { type: "integer" }]) } : {}),
    ...(random.chance(0.2) ? { minProperties: least } : {}),
    ...(random.chance(0.2) ? { maxProperties: Math.max(required.length, least) + random.below(3) } : {}),
  };
}

/** Schemas that hold others. */
const composed: readonly [typeof object, ...(typeof object)[]] = [
  object,
  object,
  (random, depth) => ({
    type: "array",
    items: schema(random, depth - 1),
    minItems: random.below(3),
    maxItems: 3 + random.below(40),
  }),
  (random, depth) => ({
    type: "array",
    prefixItems: [schema(random, depth - 1), schema(random, depth - 1)],
    items: random.chance(0.5) ? false : schema(random, depth - 1),
  }),
  (random, depth) => ({ anyOf: [schema(random, depth - 1), schema(random, depth - 1), { type: "null" }] }),
  (random, depth) => ({ allOf: [schema(random, depth - 1)], description: "one" }),
  (random, depth) => ({ type: "object", additionalProperties: schema(random, depth - 1), maxProperties: 1 + random.below(5) }),
  (random, depth) => ({
    type: "object",
    propertyNames: random.pick([
      { type: "string", pattern: "^[a-z]{1,3}$" },
      { type: "string", enum: ["k", "kk", "l"] },
    ]),
    additionalProperties: schema(random, depth - 1),
    minProperties: random.below(2),
  }),
  (random, depth) => ({ type: ["object", "string", "null"], properties: { z: schema(random, depth - 1) }, maxLength: 3 }),
];

function schema(random: Random, depth: number): Schema {
  return depth > 0 && random.chance(0.7) ? random.pick(composed)(random, depth) : random.pick(simple)(random);
}

/** A schema of what is supported, at random. */
export function randomSchema(random: Random): Schema {
  return { ...schema(random, 3), $defs };
}
