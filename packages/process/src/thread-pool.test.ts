import { expect, test } from "vitest";
import { sizeThreadPool } from "./thread-pool.ts";

test("makes twice as many threads as there are to be lookups, unless a size is set", () => {
  const env: NodeJS.ProcessEnv = {};
  sizeThreadPool(env, { lookups: 20 });
  expect(env).toEqual({ UV_THREADPOOL_SIZE: "40" });
  sizeThreadPool(env, { lookups: 64 });
  expect(env).toEqual({ UV_THREADPOOL_SIZE: "40" });
});
