import type { Job } from "@llamero/core";
import { expect, test } from "vitest";
import { Deployment, sentiment } from "./deployment.ts";

/** What every process is to know within, in milliseconds. */
const KNOWN_MS = 1_000;

test("a change of the log level holds for a worker too within a second", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const isDebugged = ({ id }: Job) => worker.log.some((entry) => entry["level"] === "debug" && entry["job_id"] === id);
  const run = async () => api.ended((await api.submit(sentiment)).id);
  expect(isDebugged(await run())).toBe(false);
  const changing = await api.call("POST", "/v1/admin/settings", { settings: { log_level: "debug" } });
  const changedAt = Date.parse((changing.body as { changed_at: string }).changed_at);
  // Whatever starts a second after the change, if not sooner, is told of.
  let job = await run();
  while (!isDebugged(job) && Date.parse(job.started_at ?? "") < changedAt + KNOWN_MS) job = await run();
  expect(isDebugged(job)).toBe(true);
});
