import { differences, type Fields, named, type Snapshot, without } from "./snapshot.ts";

/** A job with another's carrier stands in a window, and is the one that the carrier is known to be for. */
export function checkCarriers(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  const fed = new Set(named(snapshot.zsets, "window:").flatMap(([, ids]) => Array.from(ids.keys())));
  const carried = new Set(Object.entries(snapshot.hashes.get("carried") ?? {}).map(([carrier, id]) => `${carrier} ${id}`));
  const said = Array.from(jobs).flatMap(([id, { carrier, run }]) => {
    if (carrier === undefined) return [];
    return carrier === `${id}-${run}` || !fed.has(id) ? [`${id} should not have ${carrier}`] : [`${carrier} ${id}`];
  });
  return [
    ...without(new Set(said), carried).map((entry) => `carried lacks ${entry}`),
    ...without(carried, new Set(said)).map((entry) => `carried should not hold ${entry}`),
  ];
}

/** What is noted of a worker's cache is of a live worker, is no more than it has slots, and is counted. */
export function checkWarmth(snapshot: Snapshot): string[] {
  const problems: string[] = [];
  const counts = new Map<string, number>();
  for (const [place, affinities] of named(snapshot.zsets, "warm_at:")) {
    const [queue = "", worker = "", kind = ""] = place.split(":");
    const slots = Number(snapshot.hashes.get(`fleet:${queue}`)?.[worker] ?? 0);
    const most = kind === "s" ? slots : Math.ceil(slots / 2);
    if (affinities.size > most) problems.push(`${place} has ${affinities.size} beginnings in ${slots} slots`);
    for (const affinity of affinities.keys()) counts.set(`${queue} ${affinity}`, (counts.get(`${queue} ${affinity}`) ?? 0) + 1);
  }
  const told = named(snapshot.hashes, "warm:").flatMap(([queue, of]) =>
    Object.entries(of).map(([affinity, count]) => [`${queue} ${affinity}`, count] as const),
  );
  return [...problems, ...differences("workers have", counts, Object.fromEntries(told))];
}
