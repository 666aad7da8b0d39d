import type { Layout } from "./slot-context.ts";

type Tried = Layout & { tokensPerSecond: number };

export interface LayoutChoice extends Layout {
  /** What each layout that was tried made, completion tokens/s. */
  tried: Tried[];
}

export interface LayoutLimits {
  cores: number;
  slots: number;
  /** Set by the operator: only the rest is looked for. */
  contexts?: number | undefined;
  threads?: number | undefined;
}

/** More contexts than this leave too few slots in each to fill a batch. */
const MAX_CONTEXTS = 4;
/** A layout has to be better than a simpler one by this factor: noise is not a reason for more contexts or threads. */
const WORTH_IT = 1.05;
/** After a layout slower than the best by this factor, the next one in the same direction is not tried. */
const GIVE_UP = 0.8;

const halves = (from: number) => {
  const list: number[] = [];
  for (let value = from; value >= 1; value = Math.floor(value / 2)) list.push(value);
  return list;
};

/** Numbers of contexts to try, from one up by doubling. */
function contextCounts({ cores, slots, contexts }: LayoutLimits): number[] {
  if (contexts !== undefined) return [Math.min(contexts, slots)];
  return halves(MAX_CONTEXTS)
    .reverse()
    .filter((count) => count === 1 || (count <= cores && count <= slots));
}

/**
 * The layout that makes the most tokens, by trying. There is no rule: the prebuilt CPU binaries start threads anew for every
 * step, so that small models run 4 times as fast on one thread as on two, and large ones want all cores; a second context
 * overlaps the way from decode to sampling and back, which is worth 1.4 times at 15M parameters and nothing at 100M.
 * @param measure completion tokens/s of a layout with all slots busy
 */
export async function chooseLayout(limits: LayoutLimits, measure: (layout: Layout) => Promise<number>): Promise<LayoutChoice> {
  const tried: Tried[] = [];
  for (const contexts of contextCounts(limits)) {
    const bestBefore = fastest(tried);
    for (const threads of threadCounts(limits, contexts)) {
      const tokensPerSecond = await measure({ contexts, threads });
      tried.push({ contexts, threads, tokensPerSecond });
      const here = tried.filter((layout) => layout.contexts === contexts);
      if (tokensPerSecond < fastest(here) * GIVE_UP) break;
    }
    if (fastest(tried.filter((layout) => layout.contexts === contexts)) < bestBefore * GIVE_UP) break;
  }
  const [first, ...others] = tried.toSorted((a, b) => load(a) - load(b));
  const best = others.reduce(
    (chosen, next) => (next.tokensPerSecond > chosen.tokensPerSecond * WORTH_IT ? next : chosen),
    first ?? none(limits),
  );
  return { contexts: best.contexts, threads: best.threads, tried };
}

const fastest = (layouts: readonly Tried[]) => Math.max(0, ...layouts.map((layout) => layout.tokensPerSecond));
const load = ({ contexts, threads }: Layout) => contexts * threads + contexts / 100;
const none = ({ cores }: LayoutLimits): Tried => ({ contexts: 1, threads: cores, tokensPerSecond: 0 });

function threadCounts({ cores, threads }: LayoutLimits, contexts: number): number[] {
  return threads === undefined ? halves(Math.max(1, Math.floor(cores / contexts))) : [threads];
}
