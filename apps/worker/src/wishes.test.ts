import { AppError } from "@llamero/core";
import { createLogger } from "@llamero/process";
import type { WorkerWish } from "@llamero/store";
import { tinyEntry } from "@llamero/testkit";
import { expect, test } from "vitest";
import type { Startable, Wanted } from "./served-models.ts";
import { type ReplaceableModel, Wishes } from "./wishes.ts";

const logger = createLogger({ name: "test", level: "silent" });
/** `name=path` has that name, a path that of its file. */
const nameOf = (spec: string) => spec.split("=")[0]?.replace(".gguf", "") ?? spec;
const startable = (spec: string): Startable => ({
  spec,
  served: { facts: { ...tinyEntry, name: nameOf(spec), slots: 1 }, variants: [], sizeBytes: 10 },
  start: () => Promise.reject(new Error("nothing is started here")),
});

/** A worker that serves "a.gguf" and "b.gguf", and what happens to it, in order. */
function worker() {
  const done: string[] = [];
  const state = {
    wish: { drained: false, models: null } as WorkerWish,
    /** What a survey waits for, and the unloading of a model. */
    surveyed: Promise.resolve(),
    unloaded: new Map<string, Promise<void>>(),
    announced: Promise.resolve(),
    wanted: [] as Wanted[],
  };
  const place = ({ spec, served }: Startable): ReplaceableModel => ({
    ...{ spec, name: served.facts.name, facts: served.facts, variants: [], heldBytes: served.sizeBytes },
    unload: async () => {
      done.push(`unload ${spec}`);
      await state.unloaded.get(spec);
    },
  });
  const models = ["a.gguf", "b.gguf"].map((spec) => place(startable(spec)));
  const wishes = new Wishes({
    ...{ models, logger, workerId: "w1", store: { readWish: async () => state.wish } },
    placement: {
      setDrained: (isDrained) => void done.push(isDrained ? "drained" : "resumed"),
      wake: () => void done.push("wake"),
    },
    survey: async (wanted) => {
      state.wanted.push(wanted);
      await state.surveyed;
      return { models: wanted.specs.map(startable), budgetBytes: 100 };
    },
    place: (found) => {
      done.push(`place ${found.spec}`);
      return place(found);
    },
    announceAll: async () => {
      await state.announced;
      done.push(`announce ${specs()}`);
    },
  });
  const specs = () => models.map(({ spec }) => spec).join();
  /** Lets it see what is wanted now. */
  const look = (wish: Partial<WorkerWish> = {}, how: "look" | "ask" = "look") => {
    Object.assign(state.wish, wish);
    wishes[how]();
    return settle();
  };
  return { wishes, done, state, specs, look };
}

/** Lets everything run that is due. */
const settle = () => new Promise(setImmediate);

test("nothing is done before the worker has loaded what it was started with", async () => {
  const { wishes, done, look } = worker();
  await look({ drained: true });
  expect(done).toEqual([]);
  wishes.start();
  await settle();
  expect(done).toEqual(["drained"]);
});

test("that it takes no jobs is passed on once, and that it takes them again", async () => {
  const { wishes, done, look } = worker();
  wishes.start();
  await look({ drained: true });
  await look();
  expect(wishes.isDrained).toBe(true);
  await look({ drained: false });
  expect(done).toEqual(["drained", "resumed"]);
  expect(wishes.isDrained).toBe(false);
});

test("a model is replaced under its name: the old one leaves before the new one comes, and others stay", async () => {
  const { wishes, done, state, specs, look } = worker();
  wishes.start();
  await look({ models: ["a=new.gguf", "b.gguf"] });
  expect(done).toEqual(["unload a.gguf", "place a=new.gguf", "wake", "announce b.gguf,a=new.gguf"]);
  expect(specs()).toBe("b.gguf,a=new.gguf");
  expect(state.wanted).toEqual([{ specs: ["a=new.gguf"], heldBytes: 20 }]);
  expect(wishes.error).toBeNull();
});

test("the same wish again does nothing", async () => {
  const { wishes, done, look } = worker();
  wishes.start();
  await look({ models: ["a.gguf"] });
  const once = [...done];
  await look({ models: ["a.gguf"] });
  await look({}, "ask");
  expect(done).toEqual(once);
});

test("models that cannot be surveyed change nothing, and why is told until it is asked again and goes well", async () => {
  const { wishes, done, state, specs, look } = worker();
  state.surveyed = Promise.reject(new AppError("model_file_invalid", "new.gguf is no GGUF file."));
  wishes.start();
  await look({ models: ["a=new.gguf"] });
  await look();
  expect(done).toEqual([]);
  expect(state.wanted).toHaveLength(1);
  expect(specs()).toBe("a.gguf,b.gguf");
  expect(wishes.error).toBe("new.gguf is no GGUF file.");
  state.surveyed = Promise.resolve();
  await look({}, "ask");
  expect(specs()).toBe("a=new.gguf");
  expect(wishes.error).toBeNull();
});

test("what is no error of the operator's is not told word for word", async () => {
  const { wishes, state, look } = worker();
  state.surveyed = Promise.reject(new Error("/secret/path"));
  wishes.start();
  await look({ models: ["c.gguf"] });
  expect(wishes.error).toBe("The models could not be changed; see the worker's log.");
});

test.each([
  ["both new", ["c.gguf", "c=other.gguf"]],
  ["one of them there already", ["a.gguf", "a=other.gguf"]],
])("two models of one name are refused: %s", async (_which, wanted) => {
  const { wishes, done, look } = worker();
  wishes.start();
  await look({ models: wanted });
  expect(done).toEqual([]);
  expect(wishes.error).toMatch(/^Two models are named "[ac]"/);
});

test("a model that has left is gone at once, while another still has jobs", async () => {
  const { wishes, state, specs, look } = worker();
  const jobs = Promise.withResolvers<void>();
  state.unloaded.set("a.gguf", jobs.promise);
  wishes.start();
  await look({ models: ["c.gguf"] });
  expect(specs()).toBe("a.gguf");
  jobs.resolve();
  await settle();
  expect(specs()).toBe("c.gguf");
});

test("models that could not be announced are announced with the next look", async () => {
  const { wishes, done, state, look } = worker();
  wishes.start();
  await settle();
  state.announced = Promise.reject(new AppError("redis_unavailable", "away"));
  await look({ models: ["a.gguf", "c.gguf"] });
  expect(done).toEqual(["unload b.gguf", "place c.gguf", "wake"]);
  state.announced = Promise.resolve();
  await look();
  expect(done.slice(3)).toEqual(["wake", "announce a.gguf,c.gguf"]);
  expect(wishes.error).toBeNull();
});

test("a stop waits for a change that is under way, of which nothing is placed any more", async () => {
  const { wishes, done, state, look } = worker();
  const jobs = Promise.withResolvers<void>();
  state.unloaded.set("a.gguf", jobs.promise);
  wishes.start();
  await look({ models: ["b.gguf", "c.gguf"] });
  const stopped = wishes.stop();
  jobs.resolve();
  await stopped;
  await look({ drained: true });
  expect(done).toEqual(["unload a.gguf"]);
});
