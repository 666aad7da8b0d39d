import type { ModelEntry } from "@llamero/core";
import { expect, it } from "vitest";
import { ModelLookup } from "./model-lookup.ts";

const entry = (name: string) => ({ name }) as ModelEntry;

function setUp() {
  const state = { ms: 0, reads: 0, entries: [entry("a")], failure: null as Error | null };
  const catalogue = async () => {
    state.reads++;
    if (state.failure !== null) throw state.failure;
    return state.entries;
  };
  return {
    state,
    lookup: new ModelLookup(
      { catalogue, modelsHealth: async () => ({ isOpen: () => false, waitSeconds: () => null }) },
      () => state.ms,
    ),
  };
}

it("reads the catalogue once a second, however many ask at the same time", async () => {
  const { state, lookup } = setUp();
  await Promise.all(Array.from({ length: 50 }, () => lookup.find("a")));
  await lookup.find(undefined);
  expect(state.reads).toBe(1);
  state.ms = 1_001;
  await Promise.all(Array.from({ length: 50 }, () => lookup.find(undefined)));
  expect(state.reads).toBe(2);
});

it("finds a model that was announced a moment ago", async () => {
  const { state, lookup } = setUp();
  await lookup.find("a");
  state.entries = [entry("a"), entry("b")];
  expect(await lookup.find("b")).toEqual(entry("b"));
  await expect(lookup.find("c")).rejects.toMatchObject({ code: "model_not_found", param: "model" });
});

it("says that there are none, and finds the first that comes", async () => {
  const { state, lookup } = setUp();
  state.entries = [];
  await expect(lookup.find(undefined)).rejects.toMatchObject({ code: "no_models" });
  state.entries = [entry("a")];
  expect(await lookup.find(undefined)).toEqual(entry("a"));
});

it("reads again after a reading that failed", async () => {
  const { state, lookup } = setUp();
  state.failure = new Error("away");
  await expect(lookup.find("a")).rejects.toThrow("away");
  state.failure = null;
  expect(await lookup.find("a")).toEqual(entry("a"));
});
