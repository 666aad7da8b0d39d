import { AppError } from "@llamero/core";
import { expect, test, vi } from "vitest";
import { keepTrying } from "./keep-trying.ts";

const full = new AppError("redis_memory_full", "full");

test("makes a write again until it is taken", async () => {
  vi.useFakeTimers();
  try {
    const write = vi
      .fn<() => Promise<string>>()
      .mockRejectedValueOnce(full)
      .mockRejectedValueOnce(full)
      .mockResolvedValue("taken");
    const taken = keepTrying(write, new AbortController().signal);
    await vi.runAllTimersAsync();
    expect(await taken).toBe("taken");
    expect(write).toHaveBeenCalledTimes(3);
  } finally {
    vi.useRealTimers();
  }
});

test("tries once more when it has been enough, and then tells why not", async () => {
  const enough = new AbortController();
  const write = vi.fn<() => Promise<never>>().mockRejectedValue(full);
  const trying = keepTrying(write, enough.signal);
  await vi.waitFor(() => expect(write).toHaveBeenCalledTimes(1));
  enough.abort();
  await expect(trying).rejects.toBe(full);
  expect(write).toHaveBeenCalledTimes(2);
});

test("does not repeat what more room would not help", async () => {
  const write = vi.fn<() => Promise<never>>().mockRejectedValue(new AppError("internal_error", "a defect"));
  await expect(keepTrying(write, new AbortController().signal)).rejects.toThrow("a defect");
  expect(write).toHaveBeenCalledTimes(1);
});
