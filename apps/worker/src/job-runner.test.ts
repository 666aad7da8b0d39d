import { AppError, type Carrier, type GenerateOutcome, type LoadedModel, type Runtime } from "@llamero/core";
import type { Carriers } from "@llamero/queue";
import type { Claim, Ending, Store } from "@llamero/store";
import { expect, test } from "vitest";
import { appended, claimOf, logger, outcome } from "./attempt-test-kit.ts";
import { JobRunner, type JobRunnerOptions } from "./job-runner.ts";

const done = outcome("stop");

interface Task {
  id: string;
  isUrgent: boolean;
  session: string | null;
  /** Says that all slots are taken, or that it has one after all. */
  wait: (isWaiting: boolean) => void;
  make: (tokens: number) => void;
  end: (how?: AppError | GenerateOutcome) => void;
}

/** A worker without Redis and engine: `tasks` are those the engine has been given, `endings` what was written. */
function workerOf(counts: Record<string, Partial<Claim["counts"]>> = {}, claims: Record<string, Partial<Claim>> = {}) {
  const tasks: Task[] = [];
  const endings: [string, Ending][] = [];
  const intake: boolean[] = [];
  let tell: (isUp: boolean) => void = () => {};
  let fence = 0;
  const runtime: Runtime = {
    models: [] as LoadedModel[],
    isOver: false,
    generate: ({ id, isUrgent = false, session = null }, onChunk, wait = () => {}) => {
      const { promise, resolve, reject } = Promise.withResolvers<GenerateOutcome>();
      const make = (tokens: number) => onChunk({ tokens: Array.from({ length: tokens }, () => 1), text: "" });
      const end: Task["end"] = (how = done) => (how instanceof AppError ? reject(how) : resolve(how));
      tasks.push({ id, isUrgent, session, wait, make, end });
      return promise;
    },
    embed: () => Promise.reject(new Error("not expected")),
    rerank: () => Promise.reject(new Error("not expected")),
    follow: () => {},
    stop: (id, finishReason) => tasks.find((task) => task.id === id)?.end(outcome(finishReason)),
    close: async () => {},
  };
  const state: { current: Runtime | null; isHeld: boolean } = { current: runtime, isHeld: false };
  const engine: JobRunnerOptions["engine"] = {
    get current() {
      return state.current;
    },
    runtime: async () => runtime,
    watch: (onState) => {
      tell = onState;
    },
  };
  const store = {
    claim: async ({ job_id }: Carrier) => {
      if (job_id.startsWith("job_left_")) return { outcome: "left" as const, leftMs: Number(job_id.slice("job_left_".length)) };
      const claim = claimOf({ jobId: job_id, fence: ++fence, ...claims[job_id] });
      Object.assign(claim.counts, counts[job_id]);
      return { outcome: "claimed" as const, claim };
    },
    isHeld: async () => state.isHeld,
    append: appended,
    finish: async (claim: { jobId: string }, ending: Ending) => {
      endings.push([claim.jobId, ending]);
      return { outcome: "finished" as const, fed: [] };
    },
  } as unknown as Store;
  const carriers = { add: async () => {} } as unknown as Carriers;
  const onIntake = (isOpen: boolean) => intake.push(isOpen);
  const runner = new JobRunner({
    model: "tiny",
    variants: new Map([["tiny~legal", "legal"]]),
    store,
    carriers,
    engine,
    workerId: "w1",
    afterFinish: null,
    keptMs: null,
    logger,
    onEnded: () => {},
    onIntake,
  });
  const handle = (jobId: string) => runner.handle({ v: 1, job_id: jobId, run: 1 });
  const setEngine = (isUp: boolean) => {
    state.current = isUp ? runtime : null;
    tell(isUp);
  };
  const holdFence = (isHeld: boolean) => {
    state.isHeld = isHeld;
  };
  return { runner, handle, tasks, endings, intake, setEngine, holdFence };
}

/** Lets everything run that is due. */
const settle = () => new Promise(setImmediate);

test("takes carriers to their end side by side", async () => {
  const { handle, tasks, endings } = workerOf();
  const both = [handle("job_a"), handle("job_b")];
  await settle();
  expect(tasks.map((task) => task.id)).toEqual(["job_a-1", "job_b-2"]);
  for (const task of tasks) task.end();
  expect(await Promise.all(both)).toEqual(["done", "done"]);
  expect(endings.map(([id, { status }]) => `${id} ${status}`)).toEqual(["job_a succeeded", "job_b succeeded"]);
});

test("puts carriers back unclaimed while the engine is away, and says so", async () => {
  const { handle, tasks, intake, setEngine } = workerOf();
  setEngine(false);
  expect(await handle("job_a")).toBe("put_back");
  setEngine(true);
  expect(intake).toEqual([false, true]);
  const handled = handle("job_a");
  await settle();
  tasks[0]?.end();
  expect(await handled).toBe("done");
});

test("puts carriers back once it hands back what runs", async () => {
  const { runner, handle, endings } = workerOf();
  const running = handle("job_a");
  await settle();
  runner.handBack();
  expect(await handle("job_b")).toBe("put_back");
  expect(await running).toBe("done");
  expect(endings).toEqual([["job_a", { status: "queued" }]]);
});

test("puts back a carrier whose job is left for another worker, for longer each time", async () => {
  const { handle, tasks } = workerOf();
  expect(await handle("job_left_0")).toEqual({ leftForMs: 1 });
  expect(await handle("job_left_8")).toEqual({ leftForMs: 8 });
  expect(await handle("job_left_400")).toEqual({ leftForMs: 32 });
  expect(tasks).toEqual([]);
});

test("tells the engine of the session that a job is a turn of", async () => {
  const { handle, tasks } = workerOf({}, { job_a: { session: "s1" } });
  const handled = handle("job_a");
  await settle();
  expect(tasks).toMatchObject([{ session: "s1" }]);
  tasks[0]?.end();
  await handled;
});

test("knows a job by the carrier that it came under, which need not be its own", async () => {
  const { runner, handle, tasks, endings, holdFence } = workerOf({}, { job_a: { jobId: "job_b" } });
  holdFence(true);
  const handled = [handle("job_a")];
  await settle();
  // The carrier that is named after the job has become another's.
  runner.lockLost({ v: 1, job_id: "job_b", run: 1 });
  handled.push(handle("job_a"));
  await settle();
  expect(tasks.map(({ id }) => id)).toEqual(["job_b-1"]);
  runner.stop("job_b", "cancelled");
  expect(await Promise.all(handled)).toEqual(["done", "done"]);
  expect(endings).toMatchObject([["job_b", { status: "cancelled" }]]);
});

test("runs a suspect when the others are through, and takes nothing meanwhile", async () => {
  const { handle, tasks, endings, intake } = workerOf({ job_bad: { crashes: 2 } });
  const other = handle("job_a");
  const suspect = handle("job_bad");
  await settle();
  expect(tasks.map((task) => task.id)).toEqual(["job_a-1"]);
  expect(await handle("job_b")).toBe("put_back");
  tasks[0]?.end();
  expect(await other).toBe("done");
  await settle();
  expect(tasks.map((task) => task.id)).toEqual(["job_a-1", "job_bad-2"]);
  expect(await handle("job_b")).toBe("put_back");
  tasks[1]?.end(new AppError("engine_crashed", "The engine ended."));
  expect(await suspect).toBe("done");
  expect(endings[1]).toMatchObject(["job_bad", { status: "failed", error: { code: "engine_crashed" } }]);
  expect(intake).toEqual([false, true]);
});

test("a suspect that waits for its turn is handed back uncounted", async () => {
  const { runner, handle, tasks, endings } = workerOf({ job_bad: { crashes: 2 } });
  const both = [handle("job_a"), handle("job_bad")];
  await settle();
  runner.handBack();
  await Promise.all(both);
  expect(tasks).toHaveLength(1);
  expect(endings).toContainEqual(["job_bad", { status: "queued" }]);
});

test("a job whose lock was lost goes on under the carrier that comes again, as the attempt that it is", async () => {
  const { handle, tasks, endings, holdFence } = workerOf();
  holdFence(true);
  const first = handle("job_a");
  await settle();
  const second = handle("job_a");
  await settle();
  expect(tasks).toHaveLength(1);
  tasks[0]?.end();
  expect(await Promise.all([first, second])).toEqual(["done", "done"]);
  expect(endings).toHaveLength(1);
});

test("a lost lock ends the attempt of a job that has been taken over", async () => {
  const { runner, handle, endings, holdFence } = workerOf();
  const carrier = { v: 1, job_id: "job_a", run: 1 } as const;
  holdFence(true);
  const handled = handle("job_a");
  await settle();
  runner.lockLost(carrier);
  await settle();
  holdFence(false);
  runner.lockLost(carrier);
  expect(await handled).toBe("done");
  expect(endings).toEqual([]);
  runner.lockLost(carrier);
});

test("a job that has been elsewhere and comes back ends its earlier attempt without a trace", async () => {
  const { handle, tasks, endings } = workerOf();
  const first = handle("job_a");
  await settle();
  const second = handle("job_a");
  expect(await first).toBe("done");
  expect(endings).toEqual([]);
  tasks[1]?.end();
  expect(await second).toBe("done");
  expect(endings).toHaveLength(1);
});

const low = { priority: "low", mayYield: true } as const;
const claims = {
  ...{ job_a: { ...low, mayYield: false }, job_b: low, job_c: {}, job_d: low },
  job_high: { priority: "high" } as const,
};

test("an urgent job that finds no slot gets that of a low one, of the one that has made least of those that may lose it", async () => {
  const { handle, tasks, endings } = workerOf({}, claims);
  const handled = [handle("job_a"), handle("job_b"), handle("job_c"), handle("job_d")];
  await settle();
  for (const [index, tokens] of [1, 20, 2, 30].entries()) tasks[index]?.make(tokens);
  handled.push(handle("job_high"));
  await settle();
  expect(tasks.map(({ isUrgent }) => isUrgent)).toEqual([false, false, false, false, true]);
  tasks[4]?.wait(true);
  expect(await handled[1]).toBe("done");
  expect(endings).toEqual([["job_b", { status: "queued", countsAs: "preempted" }]]);
  for (const task of tasks) task.end();
  await Promise.all(handled);
  expect(
    endings
      .slice(1)
      .map(([id, { status }]) => `${id} ${status}`)
      .toSorted(),
  ).toEqual(["job_a succeeded", "job_c succeeded", "job_d succeeded", "job_high succeeded"]);
});

test("one that waits for a slot itself has none to give, and nobody gives one to a job that is not urgent", async () => {
  const { handle, tasks, endings } = workerOf({}, claims);
  const handled = [handle("job_a"), handle("job_c"), handle("job_high")];
  await settle();
  tasks[0]?.wait(true);
  tasks[1]?.wait(true);
  tasks[2]?.wait(true);
  await settle();
  expect(endings).toEqual([]);
  for (const task of tasks) task.end();
  await Promise.all(handled);
});
