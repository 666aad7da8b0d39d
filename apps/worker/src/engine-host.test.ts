import { AppError, type LoadedModel, type Runtime } from "@llamero/core";
import { createLogger } from "@llamero/process";
import { expect, test } from "vitest";
import { EngineHost } from "./engine-host.ts";

const logger = createLogger({ name: "test", level: "silent" });

interface FakeEngine extends Runtime {
  readonly number: number;
  isClosed: boolean;
  isOver: boolean;
}

/** Starts numbered engines; `crash` ends the newest one; `failing` makes that many further starts fail. */
function factory() {
  const engines: FakeEngine[] = [];
  const state = { failing: 0, starts: 0, crash: (_error: AppError) => {} };
  const start = async (onExit: (error: AppError) => void): Promise<Runtime> => {
    state.starts += 1;
    if (state.failing > 0) {
      state.failing -= 1;
      throw new AppError("engine_crashed", "cannot start");
    }
    state.crash = onExit;
    const refuse = () => Promise.reject(new Error("not expected"));
    const models: LoadedModel[] = [];
    const engine: FakeEngine = {
      number: engines.length + 1,
      isClosed: false,
      isOver: false,
      models,
      generate: refuse,
      follow: () => {},
      embed: refuse,
      rerank: refuse,
      stop: () => {},
      close: async () => {
        engine.isClosed = true;
      },
    };
    engines.push(engine);
    return engine;
  };
  return { engines, state, start };
}

const crashed = new AppError("engine_crashed", "The engine ended.");

/** A host whose engine runs; `givenUp` gets what it gave up over. */
async function open(start: ReturnType<typeof factory>["start"]) {
  const givenUp: AppError[] = [];
  const host = new EngineHost({ start, logger, onGivenUp: (error) => givenUp.push(error) });
  await host.runtime();
  return { host, givenUp };
}

test("rejects when the first start fails, and leaves it at that", async () => {
  const { state, start } = factory();
  state.failing = 1;
  await expect(open(start)).rejects.toMatchObject({ code: "engine_crashed" });
  expect(state.starts).toBe(1);
});

test("replaces an engine that ends, and whoever asks meanwhile gets the successor", async () => {
  const { engines, state, start } = factory();
  const { host, givenUp } = await open(start);
  state.crash(crashed);
  const runtime = await host.runtime();
  expect(runtime).toBe(engines[1]);
  await host.close();
  expect(engines[1]?.isClosed).toBe(true);
  expect(givenUp).toEqual([]);
});

test("says at once that the engine has gone, and when its successor is there", async () => {
  const { engines, state, start } = factory();
  const { host } = await open(start);
  const told: boolean[] = [];
  host.watch((isUp) => told.push(isUp));
  expect(host.current).toBe(engines[0]);
  state.crash(crashed);
  expect(told).toEqual([false]);
  expect(host.current).toBeNull();
  await host.runtime();
  expect(told).toEqual([false, true]);
  expect(host.current).toBe(engines[1]);
  await host.close();
});

test("gives up when the successor cannot be started, and says why", async () => {
  const { state, start } = factory();
  const { host, givenUp } = await open(start);
  state.failing = 1;
  state.crash(crashed);
  await expect(host.runtime()).rejects.toThrow("cannot start");
  expect(givenUp).toMatchObject([{ code: "engine_crashed", message: "cannot start" }]);
  expect(state.starts).toBe(2);
  await host.close();
});

test("starts no engine after it is closed, gives up over nothing, and closing twice is legal", async () => {
  const { state, start } = factory();
  const { host, givenUp } = await open(start);
  state.crash(crashed);
  await Promise.all([host.close(), host.close()]);
  expect(state.starts).toBe(1);
  await expect(host.runtime()).rejects.toBe(crashed);
  expect(givenUp).toEqual([]);
});

test("ends a start that is under way when it is closed", async () => {
  const start = (_onExit: unknown, signal: AbortSignal) =>
    new Promise<Runtime>((_, reject) => signal.addEventListener("abort", () => reject(crashed)));
  const host = new EngineHost({ start, logger, onGivenUp: () => {} });
  await host.close();
  await expect(host.runtime()).rejects.toBe(crashed);
});
