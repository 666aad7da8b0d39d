import { KeptSessions } from "./kept-sessions.ts";

/** A place where one task runs; it keeps what its last task left in the KV cache. */
export interface Slot {
  readonly index: number;
  /** Slots of one group share a context, and so a step. */
  readonly group: number;
  /** It holds nothing that a task has left. */
  readonly isEmpty: boolean;
  /** Tokens of `prompt` that the slot already holds, counted from the start, as the adapter computes them. */
  cachedPrefix(prompt: readonly number[], adapter: string | null): number;
  /** A task has it from now on, or no more. */
  setRunning(running: boolean): void;
}

/** What a task needs of a slot. */
export interface SlotWish {
  prompt: readonly number[];
  /** Null: the model without one. */
  adapter: string | null;
  /** It goes before those that are not. */
  isUrgent: boolean;
  /** The conversation that it is a turn of; null: of none. */
  session: string | null;
}

export interface SlotPoolOptions {
  /** For how long a slot is kept for a session after its last turn, in milliseconds. Default: ten minutes. */
  sessionMs?: number | undefined;
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number;
}

interface Waiter<S> extends SlotWish {
  give: (slot: S) => void;
}

/** The slots of a context: all that run compute with one adapter. */
interface Group {
  readonly index: number;
  inUse: number;
  adapter: string | null;
  /** When it began with this adapter. */
  sinceMs: number;
}

/** A longer common prefix wins over an emptier context only from this many tokens on: templates make all prompts begin alike. */
const WORTHWHILE_PREFIX = 32;

const SESSION_MS = 600_000;
/** A slot that another session has goes last, whatever it holds: of several, the one whose last turn was longest ago. */
const KEPT = -1e9;
/**
 * Nothing is lost with an empty slot: it goes before one whose common prefix is not worth its while. One that holds the whole prompt,
 * however short, goes before both.
 */
const EMPTY = 1e-3;
const WHOLE = 2 * EMPTY;

/** What a slot is worth among those of equal groups and worthwhile prefixes: less than any of these. */
function fineWorth(prefix: number, prompt: readonly number[], isEmpty: boolean): number {
  if (prefix > 0 && prefix >= prompt.length - 1) return WHOLE + prefix / 1e6;
  return isEmpty ? EMPTY : prefix / 1e6;
}

/**
 * Urgent tasks go before others, but for one slot in so many: with urgent ones coming for ever, the others have slots all the same.
 * The part that the queue gives to jobs that have waited for long (packages/store/src/lua/backlog.lua).
 */
const OTHERS_EVERY = 8;

/**
 * A context stays with an adapter for so long while tasks of another wait, in milliseconds: a change empties its batch once, which
 * takes as long as the longest of its tasks.
 */
const TURN_MS = 2_000;

/**
 * Hands out a fixed set of slots: first come, first served, urgent ones before others; among free ones the longest common prefix
 * wins, then the group with the fewest slots in use, then an empty slot, then the one that was used longest ago. What a session has left
 * is overwritten last, while it is kept, and what was used longest ago of that. A group takes tasks of one adapter at a time, and changes
 * when it is empty; while a task waits for an adapter that no group has, the group that has had its own for longest, and for a turn at
 * least, takes no more and empties.
 */
export class SlotPool<S extends Slot> {
  readonly #now: () => number;
  /** Least recently used first, so that equal prefixes leave the fresher caches alone. */
  readonly #free: S[];
  readonly #waiting: Waiter<S>[] = [];
  readonly #groups: ReadonlyMap<number, Group>;
  readonly #sessions: KeptSessions<S>;
  /** Slots that urgent tasks have had since one of the others who wait had one. */
  #urgentGiven = 0;

  constructor(slots: readonly S[], { sessionMs = SESSION_MS, now = () => performance.now() }: SlotPoolOptions = {}) {
    this.#now = now;
    this.#sessions = new KeptSessions(sessionMs, now);
    this.#free = [...slots];
    const indexes = new Set(slots.map(({ group }) => group));
    this.#groups = new Map([...indexes].map((index) => [index, { index, inUse: 0, adapter: null, sinceMs: now() }]));
  }

  /**
   * @param onWait told when no slot is free, before the wait
   * @returns null when the signal aborts before a slot is free
   */
  acquire(wish: SlotWish, signal: AbortSignal, onWait: () => void = () => {}): Promise<S | null> {
    if (signal.aborted) return Promise.resolve(null);
    const slot = this.#takeBest(wish);
    if (slot !== undefined) return Promise.resolve(slot);
    onWait();
    return new Promise((resolve) => {
      const waiter: Waiter<S> = {
        ...wish,
        give: (given) => {
          signal.removeEventListener("abort", onAbort);
          resolve(given);
        },
      };
      const onAbort = () => {
        this.#leave(waiter);
        resolve(null);
        // A group that was emptying for it need not any more.
        this.#serve();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiter);
    });
  }

  /** A slot that is handed on goes on running, so that the next step waits for its new task. */
  release(slot: S): void {
    const group = this.#groupOf(slot);
    group.inUse--;
    this.#sessions.end(slot);
    const waiter = this.#inTurn().find(({ adapter }) => this.#isOpen(group, adapter));
    if (waiter === undefined) {
      slot.setRunning(false);
      this.#free.push(slot);
      return;
    }
    this.#use(slot, waiter);
    this.#giveTo(waiter, slot);
    // The group may have changed over: its other slots are open to those who wait for the same.
    this.#serve();
  }

  /** Slots of a group that are in use. */
  inUse(group: number): number {
    return this.#groups.get(group)?.inUse ?? 0;
  }

  /** Gives what is free to those who wait for it, in their order. */
  #serve(): void {
    for (const waiter of this.#inTurn()) {
      if (this.#free.length === 0) return;
      const slot = this.#takeBest(waiter);
      if (slot !== undefined) this.#giveTo(waiter, slot);
    }
  }

  /** Those who wait, the next one first. */
  #inTurn(): Waiter<S>[] {
    const isOthersTurn = this.#urgentGiven >= OTHERS_EVERY - 1;
    const first = this.#waiting.filter(({ isUrgent }) => isUrgent !== isOthersTurn);
    return [...first, ...this.#waiting.filter(({ isUrgent }) => isUrgent === isOthersTurn)];
  }

  #giveTo(waiter: Waiter<S>, slot: S): void {
    this.#leave(waiter);
    const areOthersPassed = waiter.isUrgent && this.#waiting.some(({ isUrgent }) => !isUrgent);
    this.#urgentGiven = areOthersPassed ? this.#urgentGiven + 1 : 0;
    waiter.give(slot);
  }

  #leave(waiter: Waiter<S>): void {
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
  }

  #takeBest(wish: SlotWish): S | undefined {
    const { adapter, session } = wish;
    let best: S | undefined;
    let most = Number.NEGATIVE_INFINITY;
    for (const slot of this.#free) {
      const group = this.#groupOf(slot);
      if (!this.#isOpen(group, adapter)) continue;
      const worth = this.#sessions.isKeptFrom(slot, session) ? KEPT : this.#worth(slot, group, wish);
      if (worth > most) [best, most] = [slot, worth];
    }
    if (best === undefined) return undefined;
    this.#free.splice(this.#free.indexOf(best), 1);
    this.#use(best, wish);
    best.setRunning(true);
    return best;
  }

  #worth(slot: S, group: Group, { prompt, adapter }: SlotWish): number {
    const prefix = slot.cachedPrefix(prompt, adapter);
    // Equal groups leave the choice to the prefix, however short.
    return Math.floor(prefix / WORTHWHILE_PREFIX) - this.#share(group) + fineWorth(prefix, prompt, slot.isEmpty);
  }

  /** Whether a task with this adapter may begin in a group. */
  #isOpen(group: Group, adapter: string | null): boolean {
    if (group.inUse === 0) return true;
    return group.adapter === adapter && !this.#isToEmpty(group);
  }

  #isToEmpty(group: Group): boolean {
    const groups = [...this.#groups.values()];
    const isServed = (adapter: string | null) => groups.some((other) => other.inUse > 0 && other.adapter === adapter);
    if (this.#waiting.every(({ adapter }) => isServed(adapter))) return false;
    const longest = groups.reduce((first, other) => (other.sinceMs < first.sinceMs ? other : first));
    return longest === group && this.#now() - group.sinceMs >= TURN_MS;
  }

  /** The part of all slots in use that lies in a group: below 1, so that it never outweighs a worthwhile prefix. */
  #share(group: Group): number {
    let all = 0;
    for (const { inUse } of this.#groups.values()) all += inUse;
    return group.inUse / (all + 1);
  }

  #use(slot: S, { adapter, session }: SlotWish): void {
    const group = this.#groupOf(slot);
    this.#sessions.begin(slot, session);
    group.inUse++;
    if (group.adapter === adapter) return;
    group.adapter = adapter;
    group.sinceMs = this.#now();
  }

  #groupOf(slot: S): Group {
    const group = this.#groups.get(slot.group);
    if (group === undefined) throw new Error(`slot ${slot.index} is of no group`);
    return group;
  }
}
