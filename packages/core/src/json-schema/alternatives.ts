import type { SchemaBudget } from "./budget.ts";
import { refuse } from "./refuse.ts";
import type { SchemaDocument, Shape } from "./shape.ts";

type Definitions = SchemaDocument["definitions"];

/** What a shape may be instead of itself: a union's shapes, and what a reference leads to where that is a union or a reference. */
function leadsTo(shape: Shape, definitions: Definitions): readonly Shape[] {
  if (shape.kind === "union") return shape.shapes;
  if (shape.kind !== "reference") return [];
  const target = definitions.get(shape.to);
  return target?.kind === "union" || target?.kind === "reference" ? [target] : [];
}

/**
 * The alternatives that a shape comes to, none of which is a union or leads to one. A grammar lists them flat: llama.cpp looks
 * for left recursion along every path through rules that begin with others, and unions of unions have exponentially many.
 */
export function alternatives(shape: Shape, definitions: Definitions): Shape[] {
  const found = new Map<Shape | string, Shape>();
  const seen = new Set<Shape>();
  const ahead = [shape];
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const further = leadsTo(next, definitions);
    if (further.length === 0) found.set(next.kind === "reference" ? next.to : next, next);
    ahead.push(...further.toReversed());
  }
  return [...found.values()];
}

/** The unions of a shape, itself included, but not of what it refers to. */
function unionsIn(shape: Shape): Shape[] {
  const within = (): readonly Shape[] => {
    switch (shape.kind) {
      case "union":
        return shape.shapes;
      case "array":
        return [...shape.first, ...(shape.rest === null ? [] : [shape.rest])];
      case "object":
        return [
          ...shape.properties.map((property) => property.shape),
          ...(shape.additional === null ? [] : [shape.additional.value]),
        ];
      default:
        return [];
    }
  };
  const inner = within().flatMap(unionsIn);
  return shape.kind === "union" ? [shape, ...inner] : inner;
}

/** The definitions that a definition may be instead of itself. */
function aliases(shape: Shape | undefined): string[] {
  if (shape?.kind === "reference") return [shape.to];
  return shape?.kind === "union" ? shape.shapes.flatMap(aliases) : [];
}

/** A definition that leads back to itself before it spells anything describes nothing, and no grammar can be made of it. */
function checkCycles(definitions: Definitions, at: (name: string) => string): void {
  const finished = new Set<string>();
  for (const start of definitions.keys()) {
    const path = new Set<string>();
    // A name stands twice in the list: on the way to what it leads to, and, as null before it, on the way back.
    const ahead: (string | null)[] = [start];
    for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
      if (next === null) {
        const left = ahead.pop() ?? "";
        path.delete(left);
        finished.add(left);
      } else if (path.has(next)) refuse(at(next), "refers to itself with nothing in between.");
      else if (!finished.has(next)) {
        path.add(next);
        ahead.push(next, null, ...aliases(definitions.get(next)));
      }
    }
  }
}

/**
 * Checks that no definition is only itself, and takes what the alternatives need.
 * @param at the path of a definition
 */
export function checkAlternatives(
  { root, definitions }: SchemaDocument,
  budget: SchemaBudget,
  at: (name: string) => string,
): void {
  checkCycles(definitions, at);
  const length = (shape: Shape) => 40 + 16 * alternatives(shape, definitions).length;
  for (const union of unionsIn(root)) budget.grammar(length(union), at(""));
  for (const [name, shape] of definitions) for (const union of unionsIn(shape)) budget.grammar(length(union), at(name));
}
