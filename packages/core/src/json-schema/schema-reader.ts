import { checkAlternatives } from "./alternatives.ts";
import type { SchemaBudget } from "./budget.ts";
import { checkKeywords, constraintsOf, type JsonType, jsonTypes, type Part, typesConstrainedBy } from "./keywords.ts";
import { readLiterals } from "./literals.ts";
import { readArray } from "./read-array.ts";
import { readInteger, readNumber } from "./read-number.ts";
import { partOf, type ReadChild, readObject } from "./read-object.ts";
import { readString } from "./read-string.ts";
import { resolve, type Target } from "./references.ts";
import { refuse } from "./refuse.ts";
import type { SchemaDocument, Shape } from "./shape.ts";

/** Schemas that hold for one value at the same time, with those that they refer to. */
const MAX_PARTS = 64;
/** The rules of any value, and of those types that need no more. */
const VALUES_LENGTH = 1_200;

type ReadType = (parts: readonly Part[], child: ReadChild, budget: SchemaBudget) => Shape;

/** How a value of each type is read from the schemas that hold for it. */
const readers: Readonly<Record<JsonType, ReadType>> = {
  object: readObject,
  array: readArray,
  string: (parts, _child, budget) => readString(parts, budget),
  number: (parts, _child, budget) => readNumber(parts, budget),
  integer: (parts, _child, budget) => readInteger(parts, budget),
  boolean: () => ({ kind: "boolean" }),
  null: () => ({ kind: "null" }),
};

/** A choice between schemas, and what holds for all of them. */
interface Choice {
  options: readonly Part[];
  beside: readonly Part[];
}

function withoutKeywords({ schema, at }: Part, ...names: string[]): Part {
  return { schema: Object.fromEntries(Object.entries(schema).filter(([name]) => !names.includes(name))), at };
}

/** Null may be listed beside `nullable`, whose `type` does not have it. */
function notNull(part: Part): Part {
  const { schema, at } = withoutKeywords(part, "nullable");
  const values = schema["enum"];
  return { schema: Array.isArray(values) ? { ...schema, enum: values.filter((value) => value !== null) } : schema, at };
}

function choiceIn(part: Part): Choice | null {
  const { schema, at } = part;
  if (schema["nullable"] === true) return { options: [notNull(part), { schema: { type: "null" }, at }], beside: [] };
  const keyword = (["anyOf", "oneOf"] as const).find((name) => Object.hasOwn(schema, name));
  if (keyword === undefined) return null;
  const options = (schema[keyword] as unknown[]).map((option, index) => partOf(option, `${at}.${keyword}.${index}`));
  const rest = withoutKeywords(part, keyword);
  return { options, beside: constraintsOf(rest.schema).length > 0 ? [rest] : [] };
}

/** Number includes integer. */
function typesInCommon(types: readonly JsonType[], others: readonly JsonType[]): JsonType[] {
  const both = jsonTypes.filter((type) => types.includes(type) && others.includes(type));
  const isInteger =
    types.concat(others).includes("integer") &&
    [types, others].every((list) => list.includes("number") || list.includes("integer"));
  return isInteger && !both.includes("number") && !both.includes("integer") ? [...both, "integer"] : both;
}

const typesOf = ({ schema }: Part) => [schema["type"] ?? []].flat() as JsonType[];

/** Reads a JSON Schema, and what it refers to, into what it describes. */
export class SchemaReader {
  readonly #document: Part;
  readonly #budget: SchemaBudget;
  readonly #definitions = new Map<string, Shape>();
  readonly #targets = new Map<string, Part>();

  constructor(document: Part, budget: SchemaBudget) {
    this.#document = document;
    this.#budget = budget;
  }

  /** @throws AppError `unsupported_schema` */
  read(): SchemaDocument {
    this.#budget.grammarOnce("values", VALUES_LENGTH, this.#document.at);
    const root = this.#possible([this.#document], 0);
    for (const [key, part] of this.#targets) this.#definitions.set(key, this.#possible([part], 0));
    const document = { root, definitions: this.#definitions };
    checkAlternatives(document, this.#budget, (key) => this.#targets.get(key)?.at ?? this.#document.at);
    return document;
  }

  #possible(parts: readonly Part[], depth: number): Shape {
    const shape = this.#shape(parts, depth);
    return shape.kind === "never" ? refuse(shape.at, shape.why) : shape;
  }

  #shape(parts: readonly Part[], depth: number): Shape {
    const at = parts[0]?.at ?? this.#document.at;
    this.#budget.depth(depth, at);
    const { constraints, reference } = this.#together(parts, at);
    if (reference !== null) return this.#refer(reference);
    for (const [index, part] of constraints.entries()) {
      const choice = choiceIn(part);
      if (choice !== null) return this.#choose(choice, constraints.toSpliced(index, 1), depth);
    }
    return constraints.length === 0 ? { kind: "any" } : this.#plain(constraints, depth);
  }

  /** All schemas that hold when these do; or a reference, where that is all they say. */
  #together(parts: readonly Part[], at: string): { constraints: Part[]; reference: Target | null } {
    const constraints: Part[] = [];
    const references = new Map<string, Target>();
    const collect = (list: Part[]) => {
      for (const part of list) {
        this.#budget.nodes(1, part.at);
        checkKeywords(part);
        const { allOf, $ref } = part.schema;
        list.push(...((allOf ?? []) as unknown[]).map((item, index) => partOf(item, `${part.at}.allOf.${index}`)));
        if (typeof $ref === "string") {
          const target = resolve($ref, this.#document, `${part.at}.$ref`);
          references.set(target.key, references.get(target.key) ?? target);
        }
        if (constraintsOf(part.schema).length > 0) constraints.push(withoutKeywords(part, "allOf", "$ref"));
        if (constraints.length > MAX_PARTS) refuse(at, `combines more than ${MAX_PARTS} schemas.`);
      }
    };
    collect([...parts]);
    const [only] = references.values();
    if (constraints.length === 0 && references.size === 1 && only !== undefined) return { constraints, reference: only };
    for (const target of references.values()) collect([target.part]);
    return { constraints, reference: null };
  }

  #refer({ key, part }: Target): Shape {
    this.#targets.set(key, this.#targets.get(key) ?? part);
    return { kind: "reference", to: key };
  }

  /** Alternatives that contradict what stands beside them are left out; without that, each has to be possible. */
  #choose({ options, beside }: Choice, others: readonly Part[], depth: number): Shape {
    const common = [...beside, ...others];
    if (common.length === 0) return union(options.map((option) => this.#possible([option], depth + 1)));
    return possibleOf(options.map((option) => this.#shape([option, ...common], depth + 1)));
  }

  #plain(parts: readonly Part[], depth: number): Shape {
    const at = parts[0]?.at ?? "";
    const typed = parts.map(typesOf).filter((types) => types.length > 0);
    const stated = typed.length === 0 ? null : typed.reduce(typesInCommon);
    if (stated?.length === 0) return { kind: "never", at: `${at}.type`, why: "has nothing in common with the types beside it." };
    const literals = readLiterals(parts, stated, { budget: this.#budget, constraints: ({ schema }) => constraintsOf(schema) });
    if (literals !== null) return literals;
    const types = stated ?? this.#implied(parts);
    this.#checkUsed(parts, types);
    const child: ReadChild = (within) => this.#possible(within, depth + 1);
    const distinct = new Set(types.filter((type) => type !== "integer" || !types.includes("number")));
    return distinct.size === 0
      ? { kind: "any" }
      : possibleOf([...distinct].map((type) => readers[type](parts, child, this.#budget)));
  }

  /** Where no type is given, the types that something is said about. */
  #implied(parts: readonly Part[]): JsonType[] {
    const said = parts.flatMap(({ schema }) => constraintsOf(schema)).flatMap((name) => typesConstrainedBy(name) ?? []);
    return [...new Set(said)];
  }

  /** What says nothing about the types that there are is a mistake. */
  #checkUsed(parts: readonly Part[], types: readonly JsonType[]): void {
    for (const { schema, at } of parts)
      for (const name of constraintsOf(schema)) {
        const of = typesConstrainedBy(name);
        if (of !== undefined && !of.some((type) => types.includes(type)))
          refuse(`${at}.${name}`, `would not be enforced beside type ${types.join(" or ")}.`);
      }
  }
}

function union(shapes: readonly Shape[]): Shape {
  const [only] = shapes;
  return shapes.length === 1 && only !== undefined ? only : { kind: "union", shapes };
}

/** One of several shapes, without those that nothing fits; where that is none, why. */
function possibleOf(shapes: readonly Shape[]): Shape {
  const possible = shapes.filter((shape) => shape.kind !== "never");
  return union(possible.length === 0 ? shapes.slice(0, 1) : possible);
}
