import { type Priority, priorities, queueSlug } from "@llamero/core";
import type { Redis } from "ioredis";
import { drainRate } from "./drain-rate.ts";
import type { Keys } from "./keys.ts";
import { type JobRecord, type Place, priorityOf } from "./record.ts";

/** With more owners waiting in a class than this the place in line costs more than it tells, and is not given. */
const MAX_OWNERS = 256;

/** Jobs before one, and the tokens that they are expected to cost. */
interface Ahead {
  jobs: number;
  tokens: number;
}

/**
 * The place of a waiting job among all owners' jobs in its queue; null when it does not wait.
 * A job that has been fed stands in the window, before everything in the lines; the window also holds what runs, which
 * waits no more and does not count.
 */
export async function placeOf(redis: Redis, keys: Keys, record: JobRecord): Promise<Place | null> {
  if (record.status !== "queued") return null;
  const queue = queueSlug(record.slug);
  const window = await waitingInWindow(redis, keys, queue);
  const at = window.findIndex(({ id }) => id === record.id);
  const before = window.slice(0, at < 0 ? window.length : at);
  const inWindow = { jobs: before.length, tokens: before.reduce((sum, { cost }) => sum + cost, 0) };
  const inLines = at < 0 ? await aheadInLines(redis, keys, record) : { jobs: 0, tokens: 0 };
  if (inLines === null) return null;
  const { tokensPerSecond } = await drainRate(redis, keys, queue);
  const tokens = inWindow.tokens + inLines.tokens;
  return {
    position: 1 + inWindow.jobs + inLines.jobs,
    etaSeconds: tokensPerSecond === 0 ? null : Math.round((tokens / tokensPerSecond) * 10) / 10,
  };
}

/** Fed jobs that no worker has claimed yet, in the order in which they were fed, those of class `high` first. */
async function waitingInWindow(redis: Redis, keys: Keys, queue: string): Promise<{ id: string; cost: number }[]> {
  const ids = await redis.zrange(keys.window(queue), 0, "-1");
  const records = await Promise.all(ids.map((id) => redis.hmget(keys.job(id), "status", "cost", "class")));
  const waiting = ids.flatMap((id, index) => {
    const [status, cost, priority] = records[index] ?? [];
    return status === "queued" ? [{ id, cost: Number(cost ?? 0), isUrgent: priority === "high" }] : [];
  });
  return [...waiting.filter(({ isUrgent }) => isUrgent), ...waiting.filter(({ isUrgent }) => !isUrgent)];
}

/**
 * What `feed` takes before this one, as lua/backlog.lua has it: everything in higher classes; in its own, what of each owner starts
 * at a lower virtual time, or at the same one under a lower name. Jobs of a class are taken to cost the same.
 */
async function aheadInLines(redis: Redis, keys: Keys, record: JobRecord): Promise<Ahead | null> {
  const [queue, priority, { owner }] = [queueSlug(record.slug), priorityOf(record), record];
  const rank = await rankOf(redis, keys, record);
  if (rank === null) return null;
  const turns = await readTurns(redis, keys, queue, priority);
  const own = turns?.find((turn) => turn.owner === owner);
  if (!turns || own === undefined) return null;
  const classes = priorities.slice(0, priorities.indexOf(priority) + 1);
  const [counts, sums] = await Promise.all([
    redis.hmget(keys.waiting, ...classes.map((name) => `${queue}:${name}`)),
    redis.hmget(keys.waitingTokens, ...classes.map((name) => `${queue}:${name}`)),
  ]);
  const average = Number(sums.at(-1) ?? 0) / Math.max(1, Number(counts.at(-1) ?? 0));
  const startsAt = own.at + (rank * average) / own.weight;
  const others = turns.filter((turn) => turn !== own);
  const lengths = await Promise.all(others.map((turn) => lengthOf(redis, keys, { queue, priority, owner: turn.owner })));
  const before = others.reduce((sum, turn, index) => {
    const steps = average === 0 ? 0 : ((startsAt - turn.at) * turn.weight) / average;
    const isLevel = Number.isInteger(steps) && turn.owner < owner;
    return sum + Math.min(lengths[index] ?? 0, Math.max(0, Math.ceil(steps) + (isLevel && steps >= 0 ? 1 : 0)));
  }, rank);
  const higher = { jobs: sumOf(counts.slice(0, -1)), tokens: sumOf(sums.slice(0, -1)) };
  return { jobs: higher.jobs + before, tokens: higher.tokens + before * average };
}

/** Where the jobs of an owner and class stand. */
interface Lines {
  queue: string;
  priority: Priority;
  owner: string;
}

/** How many jobs of its owner go before a job; null when it stands in no open line. */
async function rankOf(redis: Redis, keys: Keys, record: JobRecord): Promise<number | null> {
  const lines = { queue: queueSlug(record.slug), priority: priorityOf(record), owner: record.owner };
  const own = await lineOf(redis, keys, lines, record.fields["key"] ?? null, record.id);
  if (own === null) return null;
  const open = await openLines(redis, keys, lines);
  if (!open.includes(own.line)) return null;
  const others = open.filter((line) => line !== own.line);
  const before = await Promise.all(others.map((line) => redis.zcount(line, "-inf", `(${own.readyMs}`)));
  return own.rank + before.reduce((sum, count) => sum + count, 0);
}

async function lineOf(
  redis: Redis,
  keys: Keys,
  { queue, priority, owner }: Lines,
  key: string | null,
  id: string,
): Promise<{ line: string; rank: number; readyMs: string } | null> {
  const line = keys.backlog(queue, priority, owner, key);
  const [rank, readyMs] = await Promise.all([redis.zrank(line, id), redis.zscore(line, id)]);
  return rank === null || readyMs === null ? null : { line, rank, readyMs };
}

async function openLines(redis: Redis, keys: Keys, { queue, priority, owner }: Lines): Promise<string[]> {
  const apiKeys = await redis.zrange(keys.lines(queue, priority, owner), 0, "-1");
  return apiKeys.map((key) => keys.backlog(queue, priority, owner, key));
}

async function lengthOf(redis: Redis, keys: Keys, lines: Lines): Promise<number> {
  const lengths = await Promise.all((await openLines(redis, keys, lines)).map((line) => redis.zcard(line)));
  return lengths.reduce((sum, length) => sum + length, 0);
}

interface Turn {
  owner: string;
  /** The virtual time at which its next job starts. */
  at: number;
  weight: number;
}

/** Null: too many wait. */
async function readTurns(redis: Redis, keys: Keys, queue: string, priority: Priority): Promise<Turn[] | null> {
  const flat = await redis.zrange(keys.turns(queue, priority), 0, String(MAX_OWNERS), "WITHSCORES");
  if (flat.length / 2 > MAX_OWNERS) return null;
  const owners = flat.filter((_, index) => index % 2 === 0);
  if (owners.length === 0) return [];
  const weights = await redis.hmget(keys.weights, ...owners);
  return owners.map((owner, index) => ({ owner, at: Number(flat[index * 2 + 1]), weight: Number(weights[index] ?? 1) }));
}

const sumOf = (numbers: readonly (string | null)[]) => numbers.reduce((sum, number) => sum + Number(number ?? 0), 0);
