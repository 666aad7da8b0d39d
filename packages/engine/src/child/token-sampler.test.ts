import { expect, test } from "vitest";
import { tokenSeed } from "./token-sampler.ts";

test("every token of a job has a seed of its own, and never the one that llama.cpp takes for none", () => {
  const seeds = new Set<number>();
  for (const seed of [0, 1, 2, 4_294_967_295])
    for (let index = 0; index < 5_000; index++) {
      const one = tokenSeed(seed, index);
      expect(one).toBeGreaterThanOrEqual(0);
      expect(one).toBeLessThan(2 ** 31);
      seeds.add(one);
    }
  // Of 20,000 random numbers of 31 bits, a tenth of one pair are alike.
  expect(seeds.size).toBeGreaterThan(19_995);
  expect(tokenSeed(7, 3)).toBe(tokenSeed(7, 3));
});

test("seeds are spread evenly", () => {
  const parts = new Array<number>(8).fill(0);
  for (let index = 0; index < 8_000; index++) {
    const part = tokenSeed(1, index) >>> 28;
    parts[part] = (parts[part] ?? 0) + 1;
  }
  for (const count of parts) expect(Math.abs(count - 1_000)).toBeLessThan(120);
});
