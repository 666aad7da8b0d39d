/** A delivery that a script has scheduled; whoever ran the script adds its carrier. */
export interface DueDelivery {
  deliveryId: string;
  round: number;
  delayMs: number;
}

/** Reads the tail of a script's answer: id, round, delay, id, round, delay, … */
export function readDue(reply: readonly unknown[], from: number): DueDelivery[] {
  const due: DueDelivery[] = [];
  for (let i = from; i + 2 < reply.length; i += 3)
    due.push({ deliveryId: String(reply[i]), round: Number(reply[i + 1]), delayMs: Number(reply[i + 2]) });
  return due;
}
