import type { ReuseState } from "@llamero/core";

type Counts = ReuseState["models"][number];
const names = [
  ...["hits", "coalesced", "misses", "input_hits", "input_misses"],
  ...["entries", "bytes", "evictions"],
] as readonly Exclude<keyof Counts, "model" | "hit_rate">[];

const rateOf = ({ hits, coalesced, misses }: Pick<Counts, "hits" | "coalesced" | "misses">): number | null => {
  const asked = hits + coalesced + misses;
  return asked === 0 ? null : (hits + coalesced) / asked;
};

/** What is kept, from what is counted of each model. */
export function stateOf(
  limits: Pick<ReuseState, "mode" | "ttl_seconds" | "max_bytes">,
  models: readonly { name: string; counts: Readonly<Record<string, string>> }[],
): ReuseState {
  const counted = models.map(({ name, counts }) => {
    const numbers = Object.fromEntries(names.map((each) => [each, Number(counts[each] ?? 0)])) as Omit<
      Counts,
      "model" | "hit_rate"
    >;
    return { model: name, hit_rate: rateOf(numbers), ...numbers };
  });
  const sum = (name: (typeof names)[number]) => counted.reduce((total, each) => total + each[name], 0);
  return {
    object: "reuse",
    ...limits,
    entries: sum("entries"),
    bytes: sum("bytes"),
    hit_rate: rateOf({ hits: sum("hits"), coalesced: sum("coalesced"), misses: sum("misses") }),
    models: counted,
  };
}
