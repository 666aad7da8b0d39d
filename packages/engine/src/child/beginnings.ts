/** A slot as this file needs it. */
export interface Holder {
  /** The tokens whose state it holds. */
  readonly held: readonly number[];
}

/** Where a prompt's beginning can be had from. */
interface Source<H> {
  holder: H;
  /** Tokens of the prompt that it holds, or will hold when it is through with its own prompt. */
  shared: number;
  /** Tokens of them that it holds now. */
  ready: number;
}

export function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}

/**
 * Who computes which prompt in a context, so that a beginning that several prompts share is computed once and copied: jobs of one
 * kind arrive together, and without this every slot would compute the same instructions at the same time.
 */
export class Beginnings<H extends Holder> {
  /** In the order they began: a prompt waits only for earlier ones, so none waits in a circle. */
  readonly #computing = new Map<H, readonly number[]>();
  #changed = Promise.withResolvers<void>();

  /** A slot begins with a prompt; it ends by `finished`. */
  begin(holder: H, prompt: readonly number[]): void {
    this.#computing.set(holder, prompt);
  }

  /** A slot holds more of its prompt than before. */
  advanced(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  /** A slot holds its whole prompt, or has given up. */
  finished(holder: H): void {
    if (this.#computing.delete(holder)) this.advanced();
  }

  /** Resolves when some slot holds more, or is through; or when the signal aborts. */
  async change(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    const abort = () => aborted.resolve();
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    await Promise.race([this.#changed.promise, aborted.promise]);
    signal.removeEventListener("abort", abort);
  }

  /**
   * The slot that has the most of the beginning of a slot's prompt, or will have it.
   * @param worthwhile tokens that it must have beyond what the slot holds itself
   * @returns null when computing is best
   */
  source(holder: H, others: readonly H[], worthwhile: number): Source<H> | null {
    const prompt = this.#computing.get(holder) ?? [];
    const earlier = this.#earlierThan(holder);
    const sources = others
      .filter((other) => other !== holder)
      .map((other): Source<H> => {
        const ready = commonPrefix(other.held, prompt);
        const planned = earlier.has(other) ? commonPrefix(this.#computing.get(other) ?? [], prompt) : 0;
        return { holder: other, shared: Math.max(ready, planned), ready };
      });
    const best = sources.reduce<Source<H> | null>((most, next) => (most === null || isBetter(next, most) ? next : most), null);
    return best !== null && best.shared - commonPrefix(holder.held, prompt) >= worthwhile ? best : null;
  }

  #earlierThan(holder: H): ReadonlySet<H> {
    const earlier = new Set<H>();
    for (const other of this.#computing.keys()) {
      if (other === holder) break;
      earlier.add(other);
    }
    return earlier;
  }
}

function isBetter<H>(one: Source<H>, other: Source<H>): boolean {
  return one.shared > other.shared || (one.shared === other.shared && one.ready > other.ready);
}
