import { expect, test } from "vitest";
import { fitToMemory, type Shape } from "./memory-fit.ts";

/** 4 GB of weights, 1 GB per slot of 4096 tokens. */
const estimate = async ({ slots, contextSize }: Shape) => ({ ram: 4e9 + slots * contextSize * (1e9 / 4096), vram: 0 });
const fit = (freeGigabytes: number) =>
  fitToMemory({ model: "m", wanted: { slots: 4, contextSize: 4096 }, free: { ram: freeGigabytes * 1e9, vram: 0 }, estimate });

test("keeps what was asked for where it fits", async () => {
  expect(await fit(8)).toEqual({ slots: 4, contextSize: 4096 });
});

test("takes fewer slots before it shortens the context", async () => {
  expect(await fit(6.5)).toEqual({ slots: 2, contextSize: 4096 });
  expect(await fit(5)).toEqual({ slots: 1, contextSize: 4096 });
  expect(await fit(4.6)).toEqual({ slots: 1, contextSize: 2048 });
});

test("refuses a model that does not fit with one short slot, with the numbers", async () => {
  await expect(fit(4)).rejects.toMatchObject({
    code: "model_too_large",
    message: expect.stringMatching(/4\.1 GB.*free: 4\.0 GB/),
  });
});

test("looks at GPU memory by itself", async () => {
  const onGpu = async () => ({ ram: 0, vram: 10e9 });
  const options = { model: "m", wanted: { slots: 1, contextSize: 512 }, free: { ram: 64e9, vram: 8e9 }, estimate: onGpu };
  await expect(fitToMemory(options)).rejects.toMatchObject({
    message: expect.stringContaining("10.0 GB of GPU memory (free: 8.0 GB)"),
  });
});
