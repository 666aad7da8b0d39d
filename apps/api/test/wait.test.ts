import { once } from "node:events";
import { request } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import type { Job } from "@llamero/core";
import { answering } from "@llamero/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { type Api, jsonType, useApi } from "./harness.ts";

const api = useApi();
let closeServer: (() => Promise<void>) | null = null;

afterEach(async () => {
  await closeServer?.();
  closeServer = null;
});

/** Resolves when so many jobs are waited for. */
async function waiters({ notifications }: Api, count: number): Promise<void> {
  while (notifications.size !== count) await turn();
}

async function listen(): Promise<string> {
  const server = await api.listen();
  closeServer = () => server.close();
  return server.url;
}

describe("Prefer: wait", () => {
  it("answers 200 with the ended job when it ends in time", async () => {
    api.worker.script = answering;
    const response = await api.post("/v1/jobs", { prompt: "a" }, { prefer: "wait=20" });
    expect(response.status).toBe(200);
    expect(response.headers.get("preference-applied")).toBe("wait=20");
    const job = (await response.json()) as Job;
    expect(response.headers.get("location")).toBe(`/v1/jobs/${job.id}`);
    expect(job).toMatchObject({
      status: "succeeded",
      output: { text: "positive", finish_reason: "stop" },
      usage: { total_tokens: 7 },
    });
  });

  it("answers 202 with the job as it is when the wait is over", async () => {
    const response = await api.post("/v1/jobs", { prompt: "a" }, { prefer: "respond-async, wait=1" });
    expect(response.status).toBe(202);
    expect(response.headers.get("preference-applied")).toBe("wait=1");
    expect(await response.json()).toMatchObject({ status: "queued" });
  });

  it("does not wait without being asked, and says so", async () => {
    for (const prefer of ["", "wait=0", "respond-async", "wait=soon"]) {
      const response = await api.post("/v1/jobs", { prompt: "a" }, { prefer });
      expect(response.status).toBe(202);
      expect(response.headers.get("preference-applied")).toBeNull();
    }
  });

  it("goes on with the job and keeps no waiter when the client leaves", async () => {
    const url = await listen();
    const leaving = request(`${url}/v1/jobs`, { method: "POST", headers: { ...jsonType, prefer: "wait=60" } });
    leaving.on("error", () => {});
    leaving.end(JSON.stringify({ prompt: "a" }));
    await waiters(api, 1);
    leaving.destroy();
    await waiters(api, 0);
    const claim = await api.worker.take();
    await api.worker.succeed(claim);
    expect(await api.job(claim.jobId)).toMatchObject({ status: "succeeded" });
  });
});

describe("GET /v1/jobs/{id}?wait", () => {
  it("answers the moment the job ends at another replica's worker", async () => {
    const replica = await api.replica();
    const { id } = await api.submit();
    const polled = replica.job(id, "?wait=60");
    await waiters(replica, 1);
    await api.worker.succeed(await api.worker.take());
    const endedAt = performance.now();
    expect(await polled).toMatchObject({ status: "succeeded" });
    expect(performance.now() - endedAt).toBeLessThan(1_000);
    expect(replica.notifications.size).toBe(0);
  });

  it("does not answer at a change that is not the end", async () => {
    const { id } = await api.submit();
    const polled = api.job(id, "?wait=60");
    await waiters(api, 1);
    const claim = await api.worker.take();
    await api.worker.write(claim, 1, "pos");
    await api.worker.succeed(claim);
    expect((await polled).status).toBe("succeeded");
  });

  it("answers with the state, position and progress when the wait is over", async () => {
    const { id } = await api.submit();
    const claim = await api.worker.take();
    await api.worker.write(claim, 1, "pos");
    expect(await api.job(id, "?wait=1")).toMatchObject({ status: "running", progress: { completion_tokens: 1 }, position: null });
  });

  it("answers at once for a job that has ended, and 404 for none", async () => {
    api.worker.script = answering;
    const response = await api.post("/v1/jobs", { prompt: "a" }, { prefer: "wait=20" });
    const { id } = (await response.json()) as Job;
    expect((await api.job(id, "?wait=60")).status).toBe("succeeded");
    const none = `/v1/jobs/job_${"0".repeat(26)}?wait=60`;
    expect((await api.request(none)).status).toBe(404);
  });

  it("serves many waiters of one job", async () => {
    const { id } = await api.submit();
    const polled = Array.from({ length: 50 }, () => api.job(id, "?wait=60"));
    await waiters(api, 1);
    await api.worker.succeed(await api.worker.take());
    expect(new Set((await Promise.all(polled)).map((job) => job.status))).toEqual(new Set(["succeeded"]));
  });

  it("answers when the job is cancelled during the wait", async () => {
    const { id } = await api.submit();
    const polled = api.job(id, "?wait=60");
    await waiters(api, 1);
    await api.post(`/v1/jobs/${id}/cancel`);
    expect((await polled).status).toBe("cancelled");
  });

  it("keeps no waiter when the client leaves", async () => {
    const url = await listen();
    const { id } = await api.submit();
    const leaving = request(`${url}/v1/jobs/${id}?wait=60`).on("error", () => {});
    leaving.end();
    await waiters(api, 1);
    leaving.destroy();
    await waiters(api, 0);
  });
});

describe("closing", () => {
  it("answers those who wait with what there is, and ends their connections", async () => {
    const own = await api.replica();
    const server = await own.listen();
    const { id } = await own.submit();
    const polling = fetch(`${server.url}/v1/jobs/${id}?wait=60`);
    await waiters(own, 1);
    const startedAt = performance.now();
    const closed = server.close();
    await own.notifications.close();
    const response = await polling;
    expect(await response.json()).toMatchObject({ id, status: "queued" });
    await closed;
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it("cuts off a client that never finishes its request", async () => {
    const own = await api.replica();
    const server = await own.listen();
    const headers = { ...jsonType, "content-length": 100, expect: "100-continue" };
    const stuck = request(`${server.url}/v1/jobs`, { method: "POST", headers });
    stuck.write("{");
    await once(stuck, "continue");
    const cut = once(stuck, "error").catch((error: unknown) => [error]);
    await server.close();
    expect((await cut)[0]).toMatchObject({ code: "ECONNRESET" });
  });
});
