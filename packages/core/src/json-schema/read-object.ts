import type { SchemaBudget } from "./budget.ts";
import { countOf } from "./count-of.ts";
import type { Part } from "./keywords.ts";
import { chargePattern } from "./pattern-size.ts";
import { readPattern } from "./read-pattern.ts";
import { refuse } from "./refuse.ts";
import { repetitionLength } from "./repetition-length.ts";
import { anyCount, type Count, type ObjectShape, type Property, type Shape } from "./shape.ts";

/** Reads schemas that hold for one value within another. */
export type ReadChild = (parts: readonly Part[]) => Shape;

type Schemas = Readonly<Record<string, unknown>>;
const anyText: Shape = { kind: "string", count: anyCount };

const has = ({ schema }: Part, keyword: string) => Object.hasOwn(schema, keyword);
const listedIn = ({ schema }: Part): Schemas => (schema["properties"] ?? {}) as Schemas;

/** A schema within another, as a part; `true` asks for nothing. */
export function partOf(schema: unknown, at: string): Part {
  return { schema: schema === true ? {} : (schema as Schemas), at };
}

/** What a schema says of a property that it does not list. */
function unlistedIn(part: Part, name: string): Part[] {
  const { additionalProperties } = part.schema;
  const at = `${part.at}.additionalProperties`;
  if (additionalProperties === false) refuse(at, `forbids ${JSON.stringify(name)}, which a schema beside it has.`);
  return additionalProperties === undefined ? [] : [partOf(additionalProperties, at)];
}

class ObjectReader {
  readonly #parts: readonly Part[];
  readonly #child: ReadChild;
  readonly #budget: SchemaBudget;
  readonly #at: string;

  constructor(parts: readonly Part[], child: ReadChild, budget: SchemaBudget) {
    this.#parts = parts;
    this.#child = child;
    this.#budget = budget;
    this.#at = parts[0]?.at ?? "";
  }

  read(): Shape {
    const { count, never } = countOf(this.#parts, "minProperties", "maxProperties");
    if (never !== null) return never;
    const others = this.#patternProperty() ?? { name: this.#name(), value: this.#otherValue() };
    const keys = others.name.kind === "literals" ? others.name.values.map(String) : null;
    const properties = this.#properties(others.value === null ? [] : (keys ?? []));
    this.#checkNames(properties, others.name, keys);
    const additional = others.value === null || keys !== null ? null : { name: others.name, value: others.value };
    return this.#impossible(properties, additional, count) ?? this.#counted(properties, additional, count);
  }

  #properties(keys: readonly string[]): Property[] {
    const required = new Map<string, string>();
    for (const part of this.#parts)
      for (const name of (part.schema["required"] ?? []) as string[]) required.set(name, `${part.at}.required`);
    const names = new Set([...this.#parts.flatMap((part) => Object.keys(listedIn(part))), ...keys]);
    for (const [name, at] of required) if (!names.has(name)) names.add(this.#unlisted(name, at));
    return [...names].map((name) => {
      this.#budget.grammar(JSON.stringify(JSON.stringify(name)).length + CELL_LENGTH, this.#at);
      return { name, shape: this.#child(this.#partsOf(name)), isRequired: required.has(name) };
    });
  }

  /** A required property that none lists is one where other properties are described. */
  #unlisted(name: string, at: string): string {
    const isDescribed = this.#parts.some(({ schema }) => (schema["additionalProperties"] ?? false) !== false);
    if (!isDescribed) refuse(at, `names what is not among the properties: ${name}.`);
    return name;
  }

  #partsOf(name: string): Part[] {
    const parts = this.#parts.flatMap((part) => {
      const listed = listedIn(part);
      return Object.hasOwn(listed, name) ? [partOf(listed[name], `${part.at}.properties.${name}`)] : unlistedIn(part, name);
    });
    return parts.length > 0 ? parts : [partOf(true, `${this.#at}.properties.${name}`)];
  }

  /** What else there may be: what is asked for, and anything where nothing is said at all. */
  #otherValue(): Shape | null {
    const said = this.#parts.filter((part) => has(part, "additionalProperties"));
    const isClosed =
      said.some(({ schema }) => schema["additionalProperties"] === false) ||
      this.#parts.some((part) => has(part, "unevaluatedProperties"));
    if (isClosed || (said.length === 0 && this.#parts.some((part) => has(part, "properties")))) return null;
    const values = said.map(({ schema, at }) => partOf(schema["additionalProperties"], `${at}.additionalProperties`));
    return values.length === 0 ? { kind: "any" } : this.#child(values);
  }

  #name(): Shape {
    const parts = this.#parts.filter((part) => has(part, "propertyNames"));
    if (parts.length === 0) return anyText;
    const given = parts.map(({ schema, at }) => partOf(schema["propertyNames"], `${at}.propertyNames`));
    const name = this.#child([...given, { schema: { type: "string" }, at: `${this.#at}.propertyNames` }]);
    if (!["string", "pattern", "measured", "format", "literals"].includes(name.kind))
      refuse(`${this.#at}.propertyNames`, "must be a plain schema of a string.");
    return name;
  }

  /** Names by a pattern, where that is all that an object has. */
  #patternProperty(): { name: Shape; value: Shape } | null {
    const [part, ...others] = this.#parts.filter((candidate) => has(candidate, "patternProperties"));
    if (part === undefined) return null;
    const at = `${part.at}.patternProperties`;
    const [only, ...more] = Object.entries(part.schema["patternProperties"] as Schemas);
    const isOther = (beside: Part) =>
      has(beside, "properties") || has(beside, "propertyNames") || (beside.schema["additionalProperties"] ?? false) !== false;
    if (only === undefined || others.length + more.length > 0 || this.#parts.some(isOther))
      refuse(at, "is only supported with one pattern, and without anything beside it that is about other properties.");
    const name = readPattern(only[0], this.#budget, at);
    chargePattern(name, this.#budget, at);
    return { name: { kind: "pattern", pattern: name }, value: this.#child([partOf(only[1], `${at}.${only[0]}`)]) };
  }

  /** Names that are constrained by more than a list cannot be told apart from listed properties. */
  #checkNames(properties: readonly Property[], name: Shape, keys: readonly string[] | null): void {
    const at = `${this.#at}.propertyNames`;
    const other = keys === null ? undefined : properties.find((property) => !keys.includes(property.name));
    if (other !== undefined) refuse(at, `does not allow ${JSON.stringify(other.name)}, which is a property.`);
    const isFree = name.kind === "string" && name.count.least === 0 && name.count.most === null;
    if (keys === null && !isFree && properties.length > 0) refuse(at, "cannot be enforced beside properties.");
  }

  #impossible(properties: readonly Property[], additional: ObjectShape["additional"], { least, most }: Count): Shape | null {
    if (requiredIn(properties) > (most ?? Infinity))
      return { kind: "never", at: `${this.#at}.maxProperties`, why: "is less than the number of required properties." };
    const needed = least - properties.length;
    if (needed > 0 && additional === null)
      return { kind: "never", at: `${this.#at}.minProperties`, why: "is more than there are properties." };
    // Names that are not listed may come twice, and are then one property.
    if (needed > 1) refuse(`${this.#at}.minProperties`, "cannot be enforced where the names of the properties are open.");
    return null;
  }

  /** The object, with the counts that are not satisfied anyway; a rule for each property and each number of them that matters. */
  #counted(properties: readonly Property[], additional: ObjectShape["additional"], given: Count): ObjectShape {
    const least = given.least > requiredIn(properties) ? given.least : 0;
    const most = given.most !== null && (additional !== null || given.most < properties.length) ? given.most : null;
    const shape: ObjectShape = { kind: "object", properties, additional, count: { least, most } };
    const tracked = trackedCount(shape);
    this.#budget.grammar((properties.length + 1) * (tracked + 1) * CELL_LENGTH, this.#at);
    if (additional === null) return shape;
    this.#budget.grammar((tracked + 1) * (CELL_LENGTH + repetitionLength({ least: 0, most })), this.#at);
    for (const { name } of properties) this.#tellApart(name);
    return shape;
  }

  /** Names that are not listed differ from this one, which takes a rule for each of its characters. */
  #tellApart(name: string): void {
    const at = `${this.#at}.additionalProperties`;
    if (name.length > MAX_NAME_LENGTH) refuse(at, `cannot be enforced beside names of more than ${MAX_NAME_LENGTH} characters.`);
    this.#budget.grammar(CELL_LENGTH * (name.length + 1), at);
  }
}

/** Of properties beside others that are not listed. */
const MAX_NAME_LENGTH = 256;
/** Two rules with two alternatives each, of few names. */
const CELL_LENGTH = 120;

const requiredIn = (properties: readonly Property[]) => properties.filter(({ isRequired }) => isRequired).length;

/** Up to how many properties a grammar has to know how many it has written: 0 where nothing is counted. */
export function trackedCount({ properties, count: { least, most } }: ObjectShape): number {
  return Math.max(least, most === null ? 0 : Math.min(most, properties.length));
}

/** Objects: listed properties in their order, then others where they are asked for. */
export function readObject(parts: readonly Part[], child: ReadChild, budget: SchemaBudget): Shape {
  return new ObjectReader(parts, child, budget).read();
}
