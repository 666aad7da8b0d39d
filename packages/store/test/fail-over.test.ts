import { type RedisFleet, startRedisFleet } from "@llamero/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connectRedis, createStore } from "../src/index.ts";
import { sampleJob, until } from "./harness.ts";

let fleet: RedisFleet;
beforeEach(async () => {
  fleet = await startRedisFleet();
});
afterEach(() => fleet.close());

test("with a replica that must confirm, every accepted job outlives the primary, and both kinds of connection find the new one", async () => {
  const [commands, worker] = [await connectRedis(fleet.url, "commands"), await connectRedis(fleet.url, "worker")];
  try {
    const store = createStore({ redis: commands, prefix: "test", waitReplicas: 1 });
    const jobs = Array.from({ length: 100 }, () => sampleJob({ slug: "tiny" }));
    for (const result of await Promise.all(jobs.map((job) => store.accept(job)))) expect(result.outcome).toBe("accepted");
    await fleet.primary.kill();
    await expect(store.accept(sampleJob({ slug: "tiny" }))).rejects.toMatchObject({ code: "redis_unavailable" });
    // A worker's call waits for whoever comes next.
    const held = createStore({ redis: worker, prefix: "test" }).getJob(jobs[0] ?? sampleJob({ slug: "tiny" }));
    expect(await held).toMatchObject({ status: "queued" });
    const plain = createStore({ redis: commands, prefix: "test" });
    const isBack = async () => {
      const outcome = await plain.accept(sampleJob({ slug: "tiny" })).catch(() => null);
      return outcome?.outcome === "accepted";
    };
    await until(isBack, (back) => back, 20_000);
    for (const job of jobs) expect(await plain.getJob(job)).toMatchObject({ id: job.id, status: "queued" });
  } finally {
    commands.disconnect();
    worker.disconnect();
  }
});

test("a job that no replica confirms in time is answered as not accepted, and as before when it is sent again", async () => {
  const redis = await connectRedis(fleet.url, "commands");
  try {
    const store = createStore({ redis, prefix: "test", waitReplicas: 1 });
    const job = sampleJob({ slug: "tiny" }, { idempotency: { key: "k", bodyHash: "b" } });
    fleet.replica.process.kill("SIGSTOP");
    const accepted = store.accept(job).finally(() => fleet.replica.process.kill("SIGCONT"));
    await expect(accepted).rejects.toMatchObject({
      code: "redis_unavailable",
      message: expect.stringMatching(/^The job is stored, but 0 of 1 replicas .* same Idempotency-Key/),
    });
    const again = () => store.accept({ ...job, id: sampleJob({ slug: "tiny" }).id }).catch(() => null);
    expect(await until(again, (result) => result !== null)).toEqual({ outcome: "duplicate", id: job.id });
  } finally {
    redis.disconnect();
  }
});
