import { expect, test } from "vitest";
import { chooseLayout, type LayoutLimits } from "./choose-layout.ts";

/** Rates by `contexts×threads`, one after another where there are several, and of prompts by threads; what is not named makes nothing. */
async function choose(
  limits: Omit<LayoutLimits, "mostContexts"> & Partial<LayoutLimits>,
  rates: Record<string, number | number[]>,
  prefill: Record<number, number> = {},
) {
  const asked: string[] = [];
  const choice = await chooseLayout(
    { mostContexts: 4, ...limits },
    {
      decode: async ({ contexts, threads }) => {
        const layout = `${contexts}×${threads}`;
        const timed = [rates[layout] ?? 0].flat();
        const rate = timed[asked.filter((before) => before === layout).length] ?? timed.at(-1) ?? 0;
        asked.push(layout);
        return rate;
      },
      prefill: async (threads) => prefill[threads] ?? 0,
    },
  );
  const { contexts, threads, prefillThreads, prefillRate, tried } = choice;
  return { asked, chosen: `${contexts}×${threads}`, prefillThreads, prefillRate, tried: tried.length };
}

test("takes one thread where starting more costs more than they do", async () => {
  expect((await choose({ cores: 2, slots: 8 }, { "1×2": 100, "1×1": 400, "2×1": 300 })).chosen).toBe("1×1");
});

test("takes a second context where it overlaps", async () => {
  expect((await choose({ cores: 2, slots: 32 }, { "1×2": 100, "1×1": 763, "2×1": 1062 })).chosen).toBe("2×1");
});

test("takes all cores for a large model, and times it on few threads no longer than it must", async () => {
  const { chosen, asked } = await choose({ cores: 8, slots: 8 }, { "1×8": 100, "1×4": 60, "2×4": 70 });
  expect(chosen).toBe("1×8");
  expect(asked).toEqual(["1×8", "1×4", "2×4", "2×2"]);
});

test("does not take more contexts or threads for what may be noise", async () => {
  expect((await choose({ cores: 2, slots: 8 }, { "1×2": 102, "1×1": 100, "2×1": 103 })).chosen).toBe("1×1");
});

test("times again what comes close to the fastest, and takes each layout's best", async () => {
  const rates = { "1×2": [100], "1×1": [700], "2×1": [1_000, 1_020, 990], "4×1": [750, 760, 1_200] };
  const { chosen, asked } = await choose({ cores: 2, slots: 32 }, rates);
  expect(chosen).toBe("4×1");
  expect(asked).toEqual(["1×2", "1×1", "2×1", "4×1", "2×1", "4×1", "2×1", "4×1"]);
});

test("tries only what the operator leaves open", async () => {
  expect((await choose({ cores: 4, slots: 8, threads: 3 }, { "1×3": 5, "2×3": 9, "4×3": 1 })).chosen).toBe("2×3");
  expect((await choose({ cores: 4, slots: 8, contexts: 2 }, { "2×2": 5, "2×1": 9 })).chosen).toBe("2×1");
});

test("takes more contexts than cores where they overlap", async () => {
  const rates = { "1×2": 100, "1×1": 763, "2×1": 1062, "4×1": 1200 };
  expect((await choose({ cores: 2, slots: 32 }, rates)).chosen).toBe("4×1");
});

test("goes on to more contexts while that pays, where there may be more", async () => {
  const rates = { "1×16": 2_278, "2×16": 3_900, "4×16": 5_900, "8×16": 7_189 };
  expect((await choose({ cores: 16, slots: 64, threads: 16, mostContexts: 8 }, rates)).chosen).toBe("8×16");
});

test("tries no more contexts than there is memory for", async () => {
  const rates = { "1×2": 100, "1×1": 763, "2×1": 1062, "4×1": 1200 };
  expect((await choose({ cores: 2, slots: 32, mostContexts: 2 }, rates)).chosen).toBe("2×1");
});

test("never makes more contexts than slots, or than two for each core", async () => {
  expect((await choose({ cores: 8, slots: 1 }, { "1×8": 5 })).asked.every((layout) => layout.startsWith("1×"))).toBe(true);
  expect((await choose({ cores: 1, slots: 8 }, { "1×1": 5, "2×1": 6, "4×1": 7 })).asked).not.toContain("4×1");
});

test("computes prompts with more threads where that is quicker, within the context's share of the cores", async () => {
  const oneThread = { "1×4": 100, "1×2": 200, "1×1": 400, "2×2": 100 };
  const many = await choose({ cores: 4, slots: 8 }, oneThread, { 1: 500, 4: 1500 });
  expect(many).toMatchObject({ chosen: "1×1", prefillThreads: 4, prefillRate: 1500 });
  expect((await choose({ cores: 4, slots: 8 }, oneThread, { 1: 500, 4: 510 })).prefillThreads).toBe(1);
  const two = await choose({ cores: 4, slots: 8 }, { "1×4": 1, "2×2": 5, "2×1": 9 }, { 1: 5, 2: 9, 4: 99 });
  expect(two).toMatchObject({ chosen: "2×1", prefillThreads: 2 });
});

test("uses the operator's number of threads for prompts too", async () => {
  expect(await choose({ cores: 4, slots: 8, threads: 1 }, { "1×1": 5 }, { 1: 1, 4: 9 })).toMatchObject({
    prefillThreads: 1,
    prefillRate: 1,
  });
});
