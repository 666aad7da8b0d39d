import { defineConfig } from "vitest/config";

const modelTests = "{apps,packages,bench}/**/test/**/*.model.test.ts";

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
          name: "model",
          include: [modelTests],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          pool: "forks",
          fileParallelism: false,
        },
      },
    ],
  },
});
