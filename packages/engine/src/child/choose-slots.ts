export interface SlotRange {
  least: number;
  most: number;
}

interface Tried {
  slots: number;
  tokensPerSecond: number;
}

export interface SlotChoice {
  slots: number;
  /** What each number that was tried made, completion tokens/s. */
  triedSlots: Tried[];
}

/** Twice the slots must make this much more: each takes memory, and every job among more others takes longer. */
const WORTH_DOUBLING = 1.15;

/**
 * How many slots a model gets, by doubling from the least while that makes markedly more tokens. The gain ends where a step is
 * bound by computing instead of by reading the weights: at 8 slots for large models on a CPU, at tens on a GPU.
 * @param measure completion tokens/s with so many slots, all busy
 */
export async function chooseSlots({ least, most }: SlotRange, measure: (slots: number) => Promise<number>): Promise<SlotChoice> {
  if (least >= most) return { slots: most, triedSlots: [] };
  const triedSlots: Tried[] = [{ slots: least, tokensPerSecond: await measure(least) }];
  let chosen = triedSlots[0];
  for (let slots = least * 2; slots <= most; slots *= 2) {
    const tried = { slots, tokensPerSecond: await measure(slots) };
    triedSlots.push(tried);
    if (chosen === undefined || tried.tokensPerSecond < chosen.tokensPerSecond * WORTH_DOUBLING) break;
    chosen = tried;
  }
  return { slots: chosen?.slots ?? least, triedSlots };
}
