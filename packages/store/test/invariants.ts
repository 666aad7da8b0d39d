import { isTerminal, type JobStatus, jobStatuses, queueSlug } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "../src/index.ts";
import { checkCarriers, checkWarmth } from "./affinity-invariants.ts";
import { checkChains } from "./chain-invariants.ts";
import { checkDeliveries } from "./delivery-invariants.ts";
import { checkReuse } from "./reuse-invariants.ts";
import { differences, type Fields, named, type Snapshot, takeSnapshot, without } from "./snapshot.ts";

/** What is wrong with the keys of a deployment, one line each; empty when all is well. */
export async function brokenInvariants(redis: Redis, keys: Keys, foreign: readonly string[] = []): Promise<string[]> {
  const snapshot = await takeSnapshot(redis, keys);
  const jobs = new Map(named(snapshot.hashes, "job:"));
  return [
    ...snapshot.foreign.filter((key) => !foreign.some((prefix) => key.startsWith(prefix))).map((key) => `${key} is not ours`),
    ...checkIndexes(snapshot, jobs),
    ...checkStates(snapshot, jobs),
    ...checkPlaces(snapshot, jobs),
    ...checkLines(snapshot),
    ...checkWindows(snapshot, jobs),
    ...checkPlacesTaken(snapshot, jobs),
    ...checkDeadlines(snapshot, jobs),
    ...checkParts(snapshot, jobs),
    ...checkIdempotency(snapshot, jobs),
    ...checkFleet(snapshot),
    ...checkWarmth(snapshot),
    ...checkCarriers(snapshot, jobs),
    ...checkWaiting(snapshot, jobs),
    ...checkChains(snapshot, jobs),
    ...checkKeys(snapshot, jobs),
    ...checkReuse(snapshot, jobs),
    ...checkDeliveries(snapshot, jobs),
  ];
}

/** Each job stands in the index of its owner, model and status, and in no other; owners list the models they have jobs for. */
function checkIndexes(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  const held = new Set(named(snapshot.zsets, "own:").flatMap(([index, ids]) => Array.from(ids.keys(), (id) => `${index} ${id}`)));
  const wanted = new Set(Array.from(jobs, ([id, { owner, model, status }]) => `${owner}:${model}:${status} ${id}`));
  const models = new Set(Array.from(jobs.values(), ({ owner, model }) => `${owner} ${model}`));
  const listed = new Set(named(snapshot.sets, "own:").flatMap(([owner, slugs]) => slugs.map((slug) => `${owner} ${slug}`)));
  return [
    ...without(wanted, held).map((entry) => `index lacks ${entry}`),
    ...without(held, wanted).map((entry) => `index should not hold ${entry}`),
    ...without(models, listed).map((entry) => `models of an owner lack ${entry}`),
    ...without(listed, models).map((entry) => `models of an owner should not hold ${entry}`),
  ];
}

/** What is counted by state is what there is, but for those that have ended, which are counted for ever. */
function checkStates(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  const name = ({ model, class: priority = "normal", status }: Fields) => `${model}:${priority}:${status}`;
  const hasEnded = (state: string) => isTerminal(state.slice(state.lastIndexOf(":") + 1) as JobStatus);
  const there = countBy(Array.from(jobs.values(), name));
  const counted = snapshot.hashes.get("states") ?? {};
  const open = Object.fromEntries(Object.entries(counted).filter(([state]) => !hasEnded(state)));
  const ended = Array.from(there).filter(([state]) => hasEnded(state));
  return [
    ...differences("jobs are", new Map(Array.from(there).filter(([state]) => !hasEnded(state))), open),
    ...ended
      .filter(([state, jobs]) => Number(counted[state] ?? 0) < jobs)
      .map(([state]) => `fewer are counted than there are: ${state}`),
  ];
}

/** Where a job stands follows from its status: scheduled, backlog, twins or window, window, finished. */
function checkPlaces(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  const places = new Map<string, string[]>();
  const note = (kind: string, name: string) => {
    for (const id of snapshot.zsets.get(name)?.keys() ?? []) places.set(id, [...(places.get(id) ?? []), kind]);
  };
  note("scheduled", "scheduled");
  note("finished", "finished");
  const slugs = new Set(Array.from(jobs.values(), ({ model }) => queueSlug(model ?? "")));
  for (const slug of slugs) note(`window ${slug}`, `window:${slug}`);
  for (const [name] of named(snapshot.zsets, "parked:")) note(`parked ${name}`, `parked:${name}`);
  for (const [name] of named(snapshot.zsets, "backlog:")) note(`backlog ${name}`, `backlog:${name}`);
  for (const [name] of named(snapshot.zsets, "twins:")) note(`twins ${name}`, `twins:${name}`);
  const problems = Array.from(places.keys())
    .filter((id) => !jobs.has(id))
    .map((id) => `${id} stands in ${places.get(id)} without a record`);
  for (const [id, { status, model, owner, reuse, key = "-", class: priority = "normal" }] of jobs) {
    const queue = queueSlug(model ?? "");
    const line = `backlog ${queue}:${priority}:${owner}:${key}`;
    const waits = [line, `window ${queue}`, `parked ${model}`, `twins ${reuse}:${priority}:${key}`];
    const fits: Partial<Record<string, string[]>> = { scheduled: ["scheduled"], queued: waits, running: [`window ${queue}`] };
    const allowed = fits[status ?? ""] ?? ["finished"];
    const found = places.get(id) ?? [];
    if (found.length !== 1 || !allowed.includes(found[0] ?? "")) problems.push(`${status} job ${id} stands in [${found}]`);
  }
  return problems;
}

/** Where a line stands, from its key: `queue:class:owner:key`. */
function lineOf(name: string): { place: string; owner: string; key: string } {
  const [queue = "", priority = "", owner = "", key = ""] = name.split(":");
  return { place: `${queue}:${priority}`, owner, key };
}

/** A line is open, and known by its head, or held; who has an open one has a turn, and is known by the first of their heads. */
function checkLines(snapshot: Snapshot): string[] {
  const held = new Set(
    named(snapshot.sets, "held:").flatMap(([key, lines]) => lines.map((line) => `${line.replaceAll(" ", ":")}:${key}`)),
  );
  const lines = named(snapshot.zsets, "backlog:");
  const open = lines.filter(([name]) => !held.has(name));
  const wanted = new Set(open.map(([name, ids]) => `${name} ${Math.min(...ids.values())}`));
  const noted = new Set(
    named(snapshot.zsets, "lines:").flatMap(([place, keys]) => Array.from(keys, ([key, head]) => `${place}:${key} ${head}`)),
  );
  const heldKeys = new Set(snapshot.sets.get("held_keys"));
  return [
    ...without(wanted, noted).map((line) => `lines lack ${line}`),
    ...without(noted, wanted).map((line) => `lines should not hold ${line}`),
    ...without(held, new Set(lines.map(([name]) => name))).map((line) => `${line} is held and empty`),
    ...without(heldKeys, new Set(named(snapshot.sets, "held:").map(([key]) => key))).map((key) => `${key} holds no line`),
    ...without(new Set(named(snapshot.sets, "held:").map(([key]) => key)), heldKeys).map((key) => `${key} is not known to hold`),
    ...checkTurns(snapshot, open),
  ];
}

/** No room in a window is left while somebody waits in an open line whose key may run more. */
function checkTurns(snapshot: Snapshot, open: readonly [string, Map<string, number>][]): string[] {
  const firsts = new Map<string, number>();
  for (const [name, ids] of open) {
    const { place, owner } = lineOf(name);
    firsts.set(`${place} ${owner}`, Math.min(firsts.get(`${place} ${owner}`) ?? Number.POSITIVE_INFINITY, ...ids.values()));
  }
  const heads = new Set(Array.from(firsts, ([waiting, head]) => `${waiting} ${head}`));
  const noted = new Set(
    named(snapshot.zsets, "heads:").flatMap(([place, owners]) =>
      Array.from(owners, ([owner, head]) => `${place} ${owner} ${head}`),
    ),
  );
  const ofOwners = (kind: string) =>
    new Set(named(snapshot.zsets, kind).flatMap(([place, owners]) => Array.from(owners.keys(), (owner) => `${place} ${owner}`)));
  const [turns, spent] = [ofOwners("turns:"), ofOwners("spent:")];
  const waiting = new Set(firsts.keys());
  const problems = [
    ...without(heads, noted).map((head) => `heads lack ${head}`),
    ...without(noted, heads).map((head) => `heads should not hold ${head}`),
    ...without(waiting, turns).map((owner) => `${owner} waits and has no turn`),
    ...without(turns, waiting).map((owner) => `${owner} has a turn and does not wait`),
    ...Array.from(spent)
      .filter((owner) => turns.has(owner))
      .map((owner) => `${owner} has a turn and is remembered too`),
  ];
  const may = open.filter(([name]) => !isAtLimit(snapshot, lineOf(name).key)).map(([name]) => name);
  for (const [queue] of named(snapshot.strings, "cap:")) {
    const room = Number(snapshot.strings.get(`cap:${queue}`)) - (snapshot.zsets.get(`window:${queue}`)?.size ?? 0);
    const waits = may.some((name) => name.startsWith(`${queue}:`));
    if (room > 0 && waits) problems.push(`${queue} has room for ${room} more and jobs that wait`);
  }
  return problems;
}

function isAtLimit(snapshot: Snapshot, key: string): boolean {
  const limits = snapshot.hashes.get("running_limits") ?? {};
  const limit = limits[key] ?? limits["*"];
  const running = Number(snapshot.hashes.get("running_of_key")?.[key] ?? 0);
  return key !== "-" && limit !== undefined && running >= Number(limit);
}

/** The urgent ones of a window are known; what is counted as running of each API key is what stands in windows of its jobs. */
function checkWindows(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  const windows = named(snapshot.zsets, "window:").flatMap(([queue, ids]) =>
    Array.from(ids.keys(), (id) => [queue, id] as const),
  );
  const urgent = new Set(windows.filter(([, id]) => jobs.get(id)?.["class"] === "high").map(([queue, id]) => `${queue} ${id}`));
  const noted = new Set(named(snapshot.sets, "urgent:").flatMap(([queue, ids]) => ids.map((id) => `${queue} ${id}`)));
  const running = countBy(windows.flatMap(([, id]) => jobs.get(id)?.["key"] ?? []));
  return [
    ...without(urgent, noted).map((job) => `urgent lacks ${job}`),
    ...without(noted, urgent).map((job) => `urgent should not hold ${job}`),
    ...differences("jobs in windows of the key", running, snapshot.hashes.get("running_of_key") ?? {}),
  ];
}

/** Who has a place that jobs take from each other has not ended, and says so. */
function checkPlacesTaken(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  return named(snapshot.strings, "supersede:").flatMap(([place, id]) => {
    const { owner, supersede, status } = jobs.get(id) ?? {};
    const fits = place === `${owner}:${supersede}` && !isTerminal(status as JobStatus);
    return fits ? [] : [`the place ${place} is held by the ${status} job ${id}`];
  });
}

function checkDeadlines(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  const listed = snapshot.zsets.get("deadlines") ?? new Map<string, number>();
  const due = Array.from(jobs).filter(
    ([, { status, deadline_ms, stop }]) =>
      !isTerminal(status as JobStatus) && (deadline_ms !== undefined || (status === "running" && stop !== undefined)),
  );
  const wanted = new Set(due.map(([id]) => id));
  return [
    ...Array.from(wanted)
      .filter((id) => !listed.has(id))
      .map((id) => `deadlines lack ${id}`),
    ...Array.from(listed.keys())
      .filter((id) => !wanted.has(id))
      .map((id) => `deadlines should not hold ${id}`),
  ];
}

/** Texts and chunks belong to a record and agree with it; the record stays in Redis's compact form. */
function checkParts(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  const problems: string[] = [];
  for (const kind of ["req:", "out:", "err:", "meta:", "hook:", "door:", "route:"])
    for (const [id] of named(snapshot.strings, kind)) if (!jobs.has(id)) problems.push(`${kind}${id} has no record`);
  for (const [id] of named(snapshot.streams, "chunks:")) if (!jobs.has(id)) problems.push(`chunks:${id} has no record`);
  for (const [id, fields] of jobs) {
    const { status, finished_ms, chunks, completion_tokens } = fields;
    if (!jobStatuses.includes(status as JobStatus)) problems.push(`${id} has status ${status}`);
    if (!snapshot.strings.has(`req:${id}`)) problems.push(`${id} has no request`);
    const isOver = isTerminal(status as JobStatus);
    if (isOver !== (finished_ms !== undefined)) problems.push(`${status} job ${id} finished at ${finished_ms}`);
    if (!isOver && snapshot.strings.has(`out:${id}`)) problems.push(`${status} job ${id} has a result`);
    if (snapshot.encodings.get(`job:${id}`) !== "listpack") problems.push(`record ${id} is not compact`);
    if (status !== "running" && status !== "queued") continue;
    const entries = snapshot.streams.get(`chunks:${id}`) ?? [];
    const tokens = entries.reduce((sum, [, list]) => sum + Number(list[5]), 0);
    if (entries.length !== Number(chunks ?? 0) || tokens !== Number(completion_tokens ?? 0))
      problems.push(`${id} has ${entries.length} chunks of ${tokens} tokens, its record says ${chunks} of ${completion_tokens}`);
  }
  return problems;
}

function checkIdempotency(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  const held = new Set(named(snapshot.strings, "idem:").map(([name, value]) => `${name} ${value.split(" ")[0]}`));
  const wanted = new Set(
    Array.from(jobs).flatMap(([id, { owner, idem }]) => (idem === undefined ? [] : [`${owner}:${idem} ${id}`])),
  );
  return [...without(wanted, held), ...without(held, wanted)].map((entry) => `idempotency key and record disagree: ${entry}`);
}

/** The jobs that wait, by `queue:class`, and what they are expected to cost. */
function checkWaiting(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  const counts = new Map<string, number>();
  const tokens = new Map<string, number>();
  const add = (to: Map<string, number>, name: string, more: number) => to.set(name, (to.get(name) ?? 0) + more);
  for (const [name, ids] of named(snapshot.zsets, "backlog:")) {
    const { place } = lineOf(name);
    add(counts, place, ids.size);
    for (const id of ids.keys()) add(tokens, place, Number(jobs.get(id)?.["cost"]));
  }
  return [
    ...differences("jobs wait for", counts, snapshot.hashes.get("waiting") ?? {}),
    ...differences("tokens wait for", tokens, snapshot.hashes.get("waiting_tokens") ?? {}),
  ];
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** What is counted of each API key is what waits or is scheduled of its jobs. */
function checkKeys(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  // Lines of batches wait in a bounded number, and are not counted.
  const own = Array.from(jobs.values()).filter(({ batch }) => batch === undefined);
  const waits = own.filter(({ status }) => status === "queued" || status === "scheduled");
  const counted = countBy(waits.flatMap(({ key }) => key ?? []));
  return differences("jobs wait of the key", counted, snapshot.hashes.get("waiting_of_key") ?? {});
}

/** Live workers, their models and the windows agree. */
function checkFleet(snapshot: Snapshot): string[] {
  const problems: string[] = [];
  const alive = snapshot.zsets.get("workers") ?? new Map<string, number>();
  const serving = new Set(
    named(snapshot.hashes, "worker:").flatMap(([id, { models }]) => (models?.match(/\S+/g) ?? []).map((slug) => `${slug} ${id}`)),
  );
  for (const [id] of named(snapshot.hashes, "worker:")) if (!alive.has(id)) problems.push(`worker ${id} is not among the living`);
  const fleets = new Map(named(snapshot.hashes, "fleet:"));
  const counted = new Set(Array.from(fleets).flatMap(([slug, slots]) => Object.keys(slots).map((id) => `${slug} ${id}`)));
  for (const entry of [...without(serving, counted), ...without(counted, serving)])
    problems.push(`fleet and worker disagree: ${entry}`);
  for (const [slug, cap] of named(snapshot.strings, "cap:")) {
    const slots = Object.values(fleets.get(slug) ?? {}).reduce((sum, count) => sum + Number(count), 0);
    const state = snapshot.hashes.get("breakers")?.[slug];
    const most = state === "open" ? 0 : state === "half" ? Math.min(1, 2 * slots) : 2 * slots;
    if (Number(cap) !== most) problems.push(`${slug} has ${slots} slots, a breaker that is ${state} and a window of ${cap}`);
  }
  return problems;
}
