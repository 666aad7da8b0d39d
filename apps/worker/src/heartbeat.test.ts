import { createLogger } from "@llamero/process";
import type { FedJob, WorkerBeat } from "@llamero/store";
import { expect, test } from "vitest";
import { Heartbeat } from "./heartbeat.ts";

const logger = createLogger({ name: "test", level: "silent" });

/** A heartbeat of a worker with so many slots; `answer` lets the beats that are under way through. */
function heart() {
  const told: WorkerBeat[] = [];
  const added: FedJob[] = [];
  const state = { slots: 1, gate: Promise.resolve() };
  const fed: FedJob = { jobId: "job_a", run: 1, slug: "m", priority: "normal" };
  const heartbeat = new Heartbeat({
    store: {
      beat: async (beat: WorkerBeat) => {
        told.push(beat);
        await state.gate;
        return [fed];
      },
    },
    carriers: { add: async (jobs) => void added.push(...jobs) },
    read: () => ({ workerId: "w1", host: "h", pid: 1, slots: [{ slug: "m", slots: state.slots }], models: [] }),
    logger,
  });
  const slots = () => told.map((beat) => beat.slots.map((entry) => entry.slots).join());
  return { heartbeat, state, added, slots };
}

/** Lets everything run that is due. */
const settle = () => new Promise(setImmediate);

test("the first beat is awaited, with the carriers of what it fed", async () => {
  const { heartbeat, added, slots } = heart();
  await heartbeat.start();
  expect(slots()).toEqual(["1"]);
  expect(added).toHaveLength(1);
  await heartbeat.stop();
});

test("what changes together is told together, and what changes during a beat is told by the next", async () => {
  const { heartbeat, state, slots } = heart();
  await heartbeat.start();
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  for (state.slots = 2; state.slots < 5; state.slots++) heartbeat.soon();
  await settle();
  state.slots = 7;
  heartbeat.soon();
  heartbeat.soon();
  gate.resolve();
  await settle();
  expect(slots()).toEqual(["1", "5", "7"]);
  await heartbeat.stop();
});

test("goodbye comes last", async () => {
  const { heartbeat, slots } = heart();
  await heartbeat.start();
  heartbeat.soon();
  await Promise.all([heartbeat.stop(), heartbeat.stop()]);
  heartbeat.soon();
  await heartbeat.beat();
  await settle();
  expect(slots().at(-1)).toBe("");
  expect(slots().filter((entry) => entry === "")).toHaveLength(1);
});

test("one that fails is followed by the next", async () => {
  const { heartbeat, state, slots } = heart();
  await heartbeat.start();
  state.gate = Promise.reject(new Error("away"));
  heartbeat.soon();
  await settle();
  state.gate = Promise.resolve();
  heartbeat.soon();
  await settle();
  expect(slots()).toEqual(["1", "1", "1"]);
  await heartbeat.stop();
});
