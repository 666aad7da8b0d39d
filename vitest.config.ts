import { defineConfig } from "vitest/config";

const modelTests = "{apps,packages,bench}/**/test/**/*.model.test.ts";
/** Tests of one engine process that measure no time: several files may run at once, beside those that need no model. */
const engineTests = "packages/engine/test/*.model.test.ts";
const timedEngineTests = ["layout", "stop", "slot-memory", "crash", "startup"].map(
  (name) => `packages/engine/test/${name}.model.test.ts`,
);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{apps,packages}/*/src/**/*.test.ts", "scripts/**/*.test.ts"],
        },
      },
      {
        test: {
          name: "integration",
          include: ["{apps,packages,bench}/**/test/**/*.test.ts"],
          exclude: ["**/node_modules/**", modelTests],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          pool: "forks",
        },
      },
      {
        test: {
          name: "engine",
          include: [engineTests],
          exclude: ["**/node_modules/**", ...timedEngineTests],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          pool: "forks",
        },
      },
      {
        test: {
          name: "model",
          include: [modelTests.replace("packages,", ""), ...timedEngineTests],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          pool: "forks",
          fileParallelism: false,
        },
      },
    ],
  },
});
