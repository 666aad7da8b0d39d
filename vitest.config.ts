import { defineConfig } from "vitest/config";

const modelTests = "{apps,packages,bench}/**/test/**/*.model.test.ts";
/** Tests with a model that measure no time, or nothing that neighbours change: two files run at once. */
const sideBySideTests = ["packages/engine/test/*.model.test.ts", "bench/test/{chaos,fair-share,overload,priority}.model.test.ts"];
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
          name: "side-by-side",
          include: sideBySideTests,
          maxWorkers: 2,
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
          exclude: ["**/node_modules/**", ...sideBySideTests.slice(1)],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          pool: "forks",
          fileParallelism: false,
        },
      },
    ],
  },
});
