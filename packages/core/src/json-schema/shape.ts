/** A value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** An inclusive range of code points. */
export type CodePoints = readonly [from: number, to: number];

/** What a `pattern` allows, as a regular language over characters. */
export type Pattern =
  | { readonly kind: "set"; readonly ranges: readonly CodePoints[] }
  | { readonly kind: "sequence"; readonly items: readonly Pattern[] }
  | { readonly kind: "choice"; readonly options: readonly Pattern[] }
  /** `most` null: without end. An item that is repeated is never empty. */
  | { readonly kind: "repeat"; readonly item: Pattern; readonly least: number; readonly most: number | null };

/** A pattern as places in it, one for each set of characters; -1 among what is next is the end. */
export interface PatternAutomaton {
  readonly first: readonly number[];
  readonly places: readonly { readonly ranges: readonly CodePoints[]; readonly next: readonly number[] }[];
}

/** The formats of strings that are enforced; any other is an annotation, as the specification has it. */
export const stringFormats = ["date-time", "date", "time", "uuid", "email", "hostname", "ipv4", "uri"] as const;
export type StringFormat = (typeof stringFormats)[number];

/** How often something may come; `most` null: without end. */
export interface Count {
  readonly least: number;
  readonly most: number | null;
}

export interface Property {
  readonly name: string;
  readonly shape: Shape;
  readonly isRequired: boolean;
}

export interface ObjectShape {
  readonly kind: "object";
  /** In the order in which they are written. */
  readonly properties: readonly Property[];
  /** What else there may be, behind the properties; null: nothing. */
  readonly additional: { readonly name: Shape; readonly value: Shape } | null;
  /** How many properties there are, as far as that does not follow from the rest. */
  readonly count: Count;
}

export interface ArrayShape {
  readonly kind: "array";
  /** The first items; all of them come unless `count.most` is less. */
  readonly first: readonly Shape[];
  /** Every item behind them; null: there is none. */
  readonly rest: Shape | null;
  readonly count: Count;
}

/** What a schema describes, in the form that grammars are made of: nothing in it is an annotation, and all of it is enforced. */
export type Shape =
  | { readonly kind: "any" }
  | { readonly kind: "null" }
  | { readonly kind: "boolean" }
  /** Bounds are inclusive; null: only that of what is written at all. */
  | { readonly kind: "integer"; readonly minimum: bigint | null; readonly maximum: bigint | null }
  /** Bounds are inclusive and in units of 10^-`decimals`; without bounds, `decimals` says nothing. */
  | { readonly kind: "number"; readonly minimum: bigint | null; readonly maximum: bigint | null; readonly decimals: number }
  | { readonly kind: "string"; readonly count: Count }
  | { readonly kind: "pattern"; readonly pattern: Pattern }
  /** Texts of a pattern that are from `least` to `most` characters long. */
  | { readonly kind: "measured"; readonly automaton: PatternAutomaton; readonly least: number; readonly most: number }
  | { readonly kind: "format"; readonly format: StringFormat }
  | { readonly kind: "literals"; readonly values: readonly Json[] }
  | ArrayShape
  | ObjectShape
  | { readonly kind: "union"; readonly shapes: readonly Shape[] }
  /** A key of the definitions. */
  | { readonly kind: "reference"; readonly to: string }
  /** Nothing fits, for the reason given. It is left out of unions and refused elsewhere, so that no document holds it. */
  | { readonly kind: "never"; readonly at: string; readonly why: string };

/** A whole schema, with what it refers to. */
export interface SchemaDocument {
  readonly root: Shape;
  readonly definitions: ReadonlyMap<string, Shape>;
}

/** Any number of times. */
export const anyCount: Count = { least: 0, most: null };
