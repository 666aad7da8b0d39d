import { expect, test, vi } from "vitest";
import { Deployment, sentiment } from "./deployment.ts";

/** What every process is to know within, in milliseconds. */
const KNOWN_MS = 1_000;

test("a change of the log level holds for a worker too within a second, also for what logs under its models", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const debugged = () => worker.log.filter(({ level }) => level === "debug").length;
  await api.ended((await api.submit(sentiment)).id);
  expect(debugged()).toBe(0);
  await api.call("POST", "/v1/admin/settings", { settings: { log_level: "debug" } });
  const changedAt = performance.now();
  await vi.waitFor(
    async () => {
      await api.ended((await api.submit(sentiment)).id);
      expect(debugged()).toBeGreaterThan(0);
    },
    { timeout: 10_000, interval: 50 },
  );
  // The job that told it ran meanwhile.
  expect(performance.now() - changedAt).toBeLessThan(3 * KNOWN_MS);
});
