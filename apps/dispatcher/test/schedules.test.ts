import { randomBytes } from "node:crypto";
import { newId } from "@llamero/core";
import type { ScheduleWork } from "@llamero/openai";
import { noHooks } from "@llamero/process";
import { ScheduleTimers } from "@llamero/queue";
import { connectRedis, type NewSchedule, type StoredSchedule } from "@llamero/store";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startSchedules } from "../src/schedules/schedules.ts";
import { type BatchWorld, chats, OWNER, openBatchWorld, text } from "./batch-world.ts";
import { logger } from "./harness.ts";

const EVERY_SECOND = "* * * * * *";
const NEVER = "0 0 1 1 *";
const job: ScheduleWork = { v: 1, kind: "job", body: { prompt: "hello", metadata: { a: "b" } }, webhook: null };

let world: BatchWorld;
let timers: ScheduleTimers;
const open: { stop(): Promise<void> | void }[] = [];
beforeEach(async () => {
  world = await openBatchWorld();
  timers = new ScheduleTimers({ connection: world.redis, keys: world.store.keys });
  await dispatch();
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.stop();
  await timers.close();
  await world[Symbol.asyncDispose]();
});

async function dispatch(): Promise<void> {
  const connection = await connectRedis(world.server.url, "blocking");
  const onStopped = (error: unknown) => {
    throw error;
  };
  const { store, settings, worker: carriers } = world;
  const schedules = startSchedules({ store, settings, hooks: noHooks, carriers, timers, connection, logger, onStopped });
  open.push(schedules, { stop: () => connection.disconnect() });
}

async function create(work: ScheduleWork, over: Partial<NewSchedule> = {}): Promise<string> {
  const id = newId("schedule", { now: Date.now, randomBytes, cell: 0 });
  const timing = { cron: NEVER, timezone: "UTC", overlap: "skip" as const };
  await world.store.schedules.create({
    ...{ id, owner: OWNER, keyId: null, ...timing, name: null, work: JSON.stringify(work), isPaused: false },
    ...{ limit: 10, idempotency: null },
    ...over,
  });
  return id;
}

/** The schedule as soon as it is so; each read is a round trip, which paces the loop. */
async function until(id: string, isSo: (schedule: StoredSchedule) => boolean): Promise<StoredSchedule> {
  const end = performance.now() + 15_000;
  for (;;) {
    const schedule = await world.store.schedules.get({ id });
    if (schedule === null) throw new Error(`there is no ${id}`);
    if (isSo(schedule)) return schedule;
    if (performance.now() > end) throw new Error(`still ${JSON.stringify(schedule)}`);
  }
}

const jobsOf = async () => (await world.store.listJobs({ owner: OWNER, metadata: {}, limit: 100, order: "asc" })).jobs;
/** Asks for a run, and waits until something has become of it. */
async function runOnce(id: string) {
  const { runs } = await until(id, () => true);
  await timers.ask(id);
  return (await until(id, (schedule) => schedule.runs > runs)).lastRun;
}

describe("a schedule", () => {
  it("runs its job each time it falls due, once, whoever runs it", async () => {
    await dispatch();
    await dispatch();
    const id = await create(job, { cron: EVERY_SECOND, overlap: "allow" });
    await timers.start(id, { cron: EVERY_SECOND, timezone: "UTC" });
    const { lastRun } = await until(id, ({ runs }) => runs >= 3);
    await timers.stop(id);
    expect(lastRun).toMatchObject({ outcome: "started", error: null });
    const jobs = await jobsOf();
    expect(jobs.length).toBeGreaterThanOrEqual(3);
    for (const each of jobs) expect(each.metadata).toEqual({ a: "b", schedule_id: id });
    expect(new Set(jobs.map(({ created_at }) => Math.floor(Date.parse(created_at) / 1_000))).size).toBe(jobs.length);
  });

  it("runs its batch", async () => {
    const batches = await world.dispatch();
    const inputFileId = await world.upload(text(chats(3)));
    const work = { v: 1, kind: "batch", endpoint: "/v1/chat/completions", inputFileId, windowSeconds: 3_600 } as const;
    const id = await create({ ...work, metadata: {}, outputExpiresSeconds: null });
    const run = await runOnce(id);
    expect(run?.outcome).toBe("started");
    expect((await world.ended(run?.startedId ?? "")).counts.completed).toBe(3);
    await world.store.files.remove({ id: inputFileId, owner: OWNER });
    expect(await runOnce(id)).toMatchObject({ outcome: "failed", startedId: null, error: expect.stringContaining("is gone") });
    await batches.stop();
  });

  it("runs its job on what its model's name stands for when it falls due", async () => {
    const id = await create({ ...job, body: { ...job.body, model: "gpt-4.1" } });
    world.settings.current = { aliases: { "gpt-4.1": "embedder" } };
    expect((await runOnce(id))?.outcome).toBe("started");
    world.settings.current = { aliases: { "gpt-4.1": "nobody" } };
    expect(await runOnce(id)).toMatchObject({
      outcome: "failed",
      error: expect.stringContaining('"nobody", for which "gpt-4.1"'),
    });
    expect((await jobsOf()).map(({ model }) => model)).toEqual(["embedder"]);
  });

  it("that is paused does not fall due, but is run when it is asked to", async () => {
    const id = await create(job, { isPaused: true, cron: EVERY_SECOND });
    // As where a pause comes when the run is on its way.
    await timers.start(id, { cron: EVERY_SECOND, timezone: "UTC" });
    expect((await runOnce(id))?.outcome).toBe("started");
    await timers.stop(id);
    expect((await until(id, () => true)).runs).toBe(1);
    expect(await jobsOf()).toHaveLength(1);
  });

  it("whose timer is missing gets one", async () => {
    const id = await create(job, { cron: EVERY_SECOND });
    // Its start looks for what is missing.
    await dispatch();
    await until(id, ({ runs }) => runs >= 1);
    expect(await timers.isStarted(id)).toBe(true);
  });

  it("whose model is gone says so", async () => {
    const id = await create({ ...job, body: { prompt: "a", model: "none" } } as ScheduleWork);
    expect(await runOnce(id)).toMatchObject({ outcome: "failed", error: expect.stringContaining("none") });
  });
});

describe("a run that falls due while the one before has not ended", () => {
  beforeEach(() => {
    world.worker.script = null;
  });

  it("does not take place, unless told otherwise", async () => {
    const id = await create(job);
    const first = await runOnce(id);
    expect(await runOnce(id)).toMatchObject({ outcome: "skipped", startedId: null });
    await world.store.cancel({ id: first?.startedId ?? "", owner: OWNER });
    expect((await runOnce(id))?.outcome).toBe("started");
  });

  it("runs beside it with allow", async () => {
    const id = await create(job, { overlap: "allow" });
    await runOnce(id);
    expect((await runOnce(id))?.outcome).toBe("started");
    expect((await jobsOf()).map(({ status }) => status)).toEqual(["queued", "queued"]);
  });

  it("takes its place with replace", async () => {
    const id = await create(job, { overlap: "replace" });
    await runOnce(id);
    expect((await runOnce(id))?.outcome).toBe("started");
    expect((await jobsOf()).map(({ status }) => status)).toEqual(["cancelled", "queued"]);
  });
});
