import { defineConfig } from "vitest/config";

const modelTests = "{apps,packages,bench}/**/test/**/*.model.test.ts";
/** Of those, what measures no time, or nothing that a neighbour changes: two files run at once. */
const sideBySideTests = [
  "packages/engine/test/!(crash|layout|startup|stop).model.test.ts",
  "bench/models/test/*.model.test.ts",
  "bench/engine/test/*.model.test.ts",
  "bench/test/{chaos,fair-share,overload,priority,resume,reuse}.model.test.ts",
  "packages/remote/test/*.model.test.ts",
  "apps/cli/test/{observe,resume,traces,adapters,autoscale,backup,batch,cluster,events,fail-over,fleet,grpc,hooks,openai,placement,recovery,redis-full,remote,reuse,secured,settings,webhooks,workers}.model.test.ts",
];

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
          include: ["{apps,packages,bench,deploy}/**/test/**/*.test.ts"],
          exclude: ["**/node_modules/**", modelTests],
          // Vitest takes one by itself on two cores; these wait for Redis and for each other's processes most of the time.
          maxWorkers: 2,
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
          testTimeout: 120_000,
          hookTimeout: 120_000,
          pool: "forks",
        },
      },
      {
        test: {
          name: "model",
          include: [modelTests],
          exclude: ["**/node_modules/**", ...sideBySideTests],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          pool: "forks",
          fileParallelism: false,
        },
      },
    ],
  },
});
