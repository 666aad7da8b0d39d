import type { Random } from "@llamero/testkit";
import type { Disturbance } from "./disturbances.ts";

/** One disturbance at its place in a run. */
export interface Planned {
  /** Share of the jobs that have ended by then. */
  at: number;
  disturbance: Disturbance;
}

/** In which of its parts a run is disturbed: not before it is under way, and not so late that nothing is left. */
const [FIRST, LAST] = [0.02, 0.93];

/** Spreads disturbances over a run: each as often as it is to come, evenly and yet at random. */
export function planSchedule(
  random: Random,
  disturbances: readonly Disturbance[],
  counts: (each: Disturbance) => number,
): Planned[] {
  return disturbances
    .flatMap((disturbance) => {
      const count = counts(disturbance);
      return Array.from({ length: count }, (_, nth) => ({
        at: FIRST + ((LAST - FIRST) * (nth + random.next())) / count,
        disturbance,
      }));
    })
    .toSorted((a, b) => a.at - b.at);
}
