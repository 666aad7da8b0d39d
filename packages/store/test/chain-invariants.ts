import { isTerminal, type JobStatus, queueSlug } from "@llamero/core";
import { type Fields, named, type Snapshot, without } from "./snapshot.ts";

/** What has other models behind it is known by its queue, until it has ended; breakers are known by their states. */
export function checkChains(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  const open = Array.from(jobs).filter(([, { status, chain }]) => chain !== undefined && !isTerminal(status as JobStatus));
  const wanted = new Set(open.map(([id, { model }]) => `${queueSlug(model ?? "")} ${id}`));
  const noted = new Set(
    named(snapshot.zsets, "chained:").flatMap(([queue, ids]) => Array.from(ids.keys(), (id) => `${queue} ${id}`)),
  );
  const chained = new Set(open.map(([id]) => id));
  const overstays = new Set(snapshot.zsets.get("overstays")?.keys());
  const states = named(snapshot.hashes, "breaker:").flatMap(([queue, { state }]) =>
    state === "closed" ? [] : [`${queue} ${state}`],
  );
  const known = new Set(Object.entries(snapshot.hashes.get("breakers") ?? {}).map((entry) => entry.join(" ")));
  const due = new Set(Array.from(snapshot.zsets.get("breakers_due")?.keys() ?? [], (queue) => `${queue} open`));
  return [
    ...without(wanted, noted).map((job) => `chained lacks ${job}`),
    ...without(noted, wanted).map((job) => `chained should not hold ${job}`),
    ...without(overstays, chained).map((id) => `overstays should not hold ${id}`),
    ...[...without(new Set(states), known), ...without(known, new Set(states))].map((queue) => `breakers disagree: ${queue}`),
    ...without(due, known).map((queue) => `breakers_due should not hold ${queue}`),
  ];
}
