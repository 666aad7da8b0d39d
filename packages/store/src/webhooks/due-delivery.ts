/** A delivery that a script has scheduled; whoever ran the script adds its carrier. */
export interface DueDelivery {
  deliveryId: string;
  round: number;
  delayMs: number;
  /** From when the delay counts, by Redis's clock, in milliseconds since the epoch. Without it, there is no delay. */
  fromMs?: number;
}

/** Reads the tail of a script's answer: id, round, delay, now, id, round, delay, now, … */
export function readDue(reply: readonly unknown[], from: number): DueDelivery[] {
  const due: DueDelivery[] = [];
  for (let i = from; i + 3 < reply.length; i += 4) {
    const [id, round, delay, now] = reply.slice(i, i + 4);
    due.push({ deliveryId: String(id), round: Number(round), delayMs: Number(delay), fromMs: Number(now) });
  }
  return due;
}
