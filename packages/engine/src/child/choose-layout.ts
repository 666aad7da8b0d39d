import type { Layout } from "./slot-context.ts";

type Tried = Layout & { tokensPerSecond: number };

export interface LayoutChoice extends Layout {
  prefillThreads: number;
  /** Prompt tokens/s of a context with those threads; null where nothing measured it. */
  prefillRate: number | null;
  /** What each layout that was tried made at best, completion tokens/s. */
  tried: Tried[];
}

/** How fast a layout is, in tokens/s. */
export interface LayoutMeter {
  /** Completion tokens with all slots busy. */
  decode: (layout: Layout) => Promise<number>;
  /** Prompt tokens of one context with so many threads. */
  prefill: (threads: number) => Promise<number>;
}

export interface LayoutLimits {
  cores: number;
  slots: number;
  /** Set by the operator: only the rest is looked for. */
  contexts?: number | undefined;
  threads?: number | undefined;
  /** Contexts that there is memory for. */
  mostContexts: number;
}

/**
 * More contexts than this leave too few slots in each to fill a batch. A GPU gains by more, for a context samples one token after
 * another, with the GPU idle: 1B parameters, 64 slots on an H200 made 1,780, 5,110, 5,990 tokens/s in 1, 4, 8 contexts with a
 * vocabulary of 128k, and 3,660, 7,680, 7,040 with one of 32k.
 */
export const MAX_CONTEXTS = { cpu: 4, gpu: 8 };
/** While one context waits for its samples, another has the core. */
const CONTEXTS_PER_CORE = 2;
/** A layout has to be better than a simpler one by this factor: noise is not a reason for more contexts or threads. */
const WORTH_IT = 1.03;
/** After a layout slower than the best by this factor, the next one in the same direction is not tried. */
const GIVE_UP = 0.8;
/**
 * Layouts that come as close as this to the fastest are timed again. One timing says little: of eight, 15M parameters on two cores
 * made 2,400 to 3,450 tokens/s in two contexts and 2,400 to 3,740 in four.
 */
const CLOSE = 0.7;
const MOST_TIMINGS = 3;
/** No further timing begins after so many milliseconds of them; large models take long, and vary less. */
const ENOUGH_MS = 3_000;

const halves = (from: number) => {
  const list: number[] = [];
  for (let value = from; value >= 1; value = Math.floor(value / 2)) list.push(value);
  return list;
};

/** Numbers of contexts to try, from one up by doubling. */
function contextCounts({ cores, slots, contexts, mostContexts }: LayoutLimits): number[] {
  if (contexts !== undefined) return [Math.min(contexts, slots)];
  return halves(mostContexts)
    .reverse()
    .filter((count) => count === 1 || (count <= cores * CONTEXTS_PER_CORE && count <= slots));
}

/**
 * The layout that makes the most tokens, by trying. There is no rule: the prebuilt CPU binaries start threads anew for every
 * step, so that small models run up to 4 times as fast on one thread as on two, and large ones want all cores; more contexts
 * overlap the way from decode to sampling and back: at 15M parameters, 32 slots and two cores, four make 1.15 times as much as two
 * and 1.7 times as much as one, at 100M no more.
 * Prompts may want more threads than decoding does: their steps are long.
 */
export async function chooseLayout(limits: LayoutLimits, meter: LayoutMeter): Promise<LayoutChoice> {
  const tried: Tried[] = [];
  for (const contexts of contextCounts(limits)) {
    const bestBefore = fastest(tried);
    for (const threads of threadCounts(limits, contexts)) {
      const tokensPerSecond = await meter.decode({ contexts, threads });
      tried.push({ contexts, threads, tokensPerSecond });
      const here = tried.filter((layout) => layout.contexts === contexts);
      if (tokensPerSecond < fastest(here) * GIVE_UP) break;
    }
    if (fastest(tried.filter((layout) => layout.contexts === contexts)) < bestBefore * GIVE_UP) break;
  }
  await timeAgain(tried, meter);
  const [first, ...others] = tried.toSorted((a, b) => load(a) - load(b));
  const best = others.reduce(
    (chosen, next) => (next.tokensPerSecond > chosen.tokensPerSecond * WORTH_IT ? next : chosen),
    first ?? none(limits),
  );
  const { contexts, threads } = best;
  return { contexts, threads, ...(await choosePrefillThreads(limits, best, meter)), tried };
}

/** What else runs on the machine only slows a layout down, so that its fastest time is the nearest to its own. */
async function timeAgain(tried: Tried[], meter: LayoutMeter): Promise<void> {
  const until = performance.now() + ENOUGH_MS;
  for (let timing = 2; timing <= MOST_TIMINGS; timing++) {
    const close = tried.filter(({ tokensPerSecond }) => tokensPerSecond > fastest(tried) * CLOSE);
    if (close.length === 1) return;
    for (const layout of close) {
      if (performance.now() > until) return;
      layout.tokensPerSecond = Math.max(layout.tokensPerSecond, await meter.decode(layout));
    }
  }
}

/** As many threads as decode, or all that the context's share of the cores has. */
async function choosePrefillThreads(
  { cores, threads }: LayoutLimits,
  layout: Layout,
  meter: LayoutMeter,
): Promise<Pick<LayoutChoice, "prefillThreads" | "prefillRate">> {
  const all = Math.floor(cores / layout.contexts);
  const few = { prefillThreads: layout.threads, prefillRate: await meter.prefill(layout.threads) };
  if (threads !== undefined || all <= layout.threads) return few;
  const many = { prefillThreads: all, prefillRate: await meter.prefill(all) };
  return many.prefillRate > few.prefillRate * WORTH_IT ? many : few;
}

const fastest = (layouts: readonly Tried[]) => Math.max(0, ...layouts.map((layout) => layout.tokensPerSecond));
const load = ({ contexts, threads }: Layout) => contexts * threads + contexts / 100;
const none = ({ cores }: LayoutLimits): Tried => ({ contexts: 1, threads: cores, tokensPerSecond: 0 });

function threadCounts({ cores, threads }: LayoutLimits, contexts: number): number[] {
  return threads === undefined ? halves(Math.max(1, Math.floor(cores / contexts))) : [threads];
}
