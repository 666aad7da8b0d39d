import type { CodePoints, Pattern, PatternAutomaton } from "./shape.ts";

/** What is behind the last character, among the places that may come next. */
export const PATTERN_END = -1;

/** A part of a pattern: the places that its texts may begin and end with, and whether it may have none. */
interface Part {
  first: readonly number[];
  last: readonly number[];
  isEmptyToo: boolean;
}

const nothing: Part = { first: [], last: [], isEmptyToo: true };

/** A pattern as places, one for each set of characters in it, each with the places that may come next (Glushkov's construction). */
class AutomatonBuilder {
  readonly places: { ranges: readonly CodePoints[]; next: Set<number> }[] = [];

  add(pattern: Pattern): Part {
    switch (pattern.kind) {
      case "set": {
        const place = this.places.push({ ranges: pattern.ranges, next: new Set() }) - 1;
        return { first: [place], last: [place], isEmptyToo: false };
      }
      case "sequence":
        return pattern.items.reduce((before, item) => this.#join(before, this.add(item)), nothing);
      case "choice": {
        const options = pattern.options.map((option) => this.add(option));
        return {
          first: options.flatMap(({ first }) => first),
          last: options.flatMap(({ last }) => last),
          isEmptyToo: options.some(({ isEmptyToo }) => isEmptyToo),
        };
      }
      case "repeat":
        return this.#repeat(pattern);
    }
  }

  #join(before: Part, behind: Part): Part {
    this.follow(before.last, behind.first);
    return {
      first: before.isEmptyToo ? [...before.first, ...behind.first] : before.first,
      last: behind.isEmptyToo ? [...before.last, ...behind.last] : behind.last,
      isEmptyToo: before.isEmptyToo && behind.isEmptyToo,
    };
  }

  /** Says that some places may come behind others. */
  follow(places: readonly number[], next: readonly number[]): void {
    for (const place of places) for (const one of next) this.places[place]?.next.add(one);
  }

  #repeat({ item, least, most }: Extract<Pattern, { kind: "repeat" }>): Part {
    let all = nothing;
    for (let count = 0; count < least; count++) all = this.#join(all, this.add(item));
    for (let count = least; count < (most ?? least + 1); count++) {
      const more = this.add(item);
      if (most === null) this.follow(more.last, more.first);
      all = this.#join(all, { ...more, isEmptyToo: true });
    }
    return all;
  }
}

/** How many places a pattern has when its counts are written out. */
export function placeCount(pattern: Pattern): number {
  switch (pattern.kind) {
    case "set":
      return 1;
    case "sequence":
      return pattern.items.reduce((sum, item) => sum + placeCount(item), 0);
    case "choice":
      return pattern.options.reduce((sum, option) => sum + placeCount(option), 0);
    case "repeat":
      return placeCount(pattern.item) * (pattern.most ?? pattern.least + 1);
  }
}

/** The automaton of a pattern, which has as many places as `placeCount` says. */
export function automatonOf(pattern: Pattern): PatternAutomaton {
  const builder = new AutomatonBuilder();
  const { first, last, isEmptyToo } = builder.add(pattern);
  builder.follow(last, [PATTERN_END]);
  const places = builder.places.map(({ ranges, next }) => ({ ranges, next: [...next] }));
  return { first: isEmptyToo ? [...first, PATTERN_END] : first, places };
}

/** Whether a pattern has any text that is so many characters long. */
export function hasLength({ first, places }: PatternAutomaton, least: number, most: number): boolean {
  let ahead = new Set(first);
  for (let length = 0; length <= most; length++) {
    if (length >= least && ahead.has(PATTERN_END)) return true;
    ahead = new Set([...ahead].flatMap((place) => places[place]?.next ?? []));
  }
  return false;
}
