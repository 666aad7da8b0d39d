import type { Job } from "@llamero/core";
import { answering } from "@llamero/testkit";
import { describe, expect, it } from "vitest";
import { errorOf } from "./expect-error.ts";
import { useApi } from "./harness.ts";

const api = useApi();

async function act(id: string, action: "cancel" | "retry", over = api.post): Promise<Job> {
  const response = await over(`/v1/jobs/${id}/${action}`);
  expect(response.status, await response.clone().text()).toBe(action === "cancel" ? 200 : 202);
  return (await response.json()) as Job;
}

const remove = (id: string) => api.request(`/v1/jobs/${id}`, { method: "DELETE" });

async function ended(body: object = { prompt: "a" }): Promise<Job> {
  api.worker.script = answering;
  const job = await api.submit(body, { prefer: "wait=20" });
  api.worker.script = null;
  expect(job.status).toBe("succeeded");
  return job;
}

describe("POST /v1/jobs/{id}/cancel", () => {
  it("ends a waiting and a scheduled job at once", async () => {
    for (const body of [{ prompt: "a" }, { prompt: "a", delay_ms: 60_000 }]) {
      const { id } = await api.submit(body);
      expect(await act(id, "cancel")).toMatchObject({ id, status: "cancelled", output: null, error: null });
    }
  });

  it("asks the worker of a running job, over any replica, and gives its text and usage", async () => {
    const replica = await api.replica();
    const { id } = await api.submit();
    const claim = await api.worker.take();
    await api.worker.write(claim, 1, "par");
    const cancelled = act(id, "cancel", replica.post);
    let k = 2;
    let stop: string | null = null;
    while (stop === null) {
      const result = await api.worker.store.append(claim, k++, { tokens: [1], text: "." });
      if (result.outcome === "appended") stop = result.stop;
    }
    expect(stop).toBe("cancelled");
    await api.worker.acknowledgeCancel(claim, "partial");
    expect(await cancelled).toMatchObject({
      status: "cancelled",
      output: { text: "partial", finish_reason: "cancelled" },
      usage: { total_tokens: 7 },
    });
    expect(await api.job(id)).toMatchObject({ status: "cancelled" });
  });

  it("ends a running job within 2 seconds when its worker does not answer, with the text it had", async () => {
    const { id } = await api.submit();
    const claim = await api.worker.take();
    await api.worker.write(claim, 1, "half a ");
    await api.worker.write(claim, 2, "thought");
    const startedAt = performance.now();
    const job = await act(id, "cancel");
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(job).toMatchObject({ status: "cancelled", output: { text: "half a thought", finish_reason: "cancelled" } });
    expect(job.progress.completion_tokens).toBe(2);
    const late = await api.worker.store.finish(claim, { status: "succeeded", result: { text: "late" }, completionTokens: 9 });
    expect(late).toEqual({ outcome: "fenced" });
    expect(await api.job(id)).toEqual(job);
  });

  it("gives the worker its time also when the client has left", async () => {
    const { id } = await api.submit();
    const claim = await api.worker.take();
    const leaving = new AbortController();
    const answer = api.request(`/v1/jobs/${id}/cancel`, { method: "POST", signal: leaving.signal });
    while (api.notifications.size === 0) await new Promise(setImmediate);
    leaving.abort();
    await new Promise(setImmediate);
    await api.worker.acknowledgeCancel(claim, "partial");
    await answer;
    expect(await api.job(id)).toMatchObject({ status: "cancelled", output: { text: "partial" }, usage: { total_tokens: 7 } });
  });

  it("answers all who cancel the same job with the same end", async () => {
    const { id } = await api.submit();
    const answers = await Promise.all(Array.from({ length: 10 }, () => act(id, "cancel")));
    expect(new Set(answers.map((job) => job.finished_at)).size).toBe(1);
  });

  it("leaves a job that has ended as it is", async () => {
    const job = await ended();
    expect(await act(job.id, "cancel")).toEqual(job);
  });

  it("lets the next job into the window", async () => {
    await api.worker.store.beat({ workerId: "w1", host: "test", pid: 1, slots: [] });
    await api.worker.open(1);
    const jobs = [await api.submit(), await api.submit(), await api.submit()] as const;
    await act(jobs[0].id, "cancel");
    await act(jobs[1].id, "cancel");
    expect(await api.job(jobs[2].id)).toMatchObject({ position: 1 });
  });
});

describe("POST /v1/jobs/{id}/retry", () => {
  it("makes a new job of the same request and leaves the old one", async () => {
    const old = await ended({ prompt: "a", params: { seed: 5, max_tokens: 3 }, metadata: { a: "b" }, priority: "low" });
    const response = await api.post(`/v1/jobs/${old.id}/retry`);
    const job = (await response.json()) as Job;
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe(`/v1/jobs/${job.id}`);
    expect(job).toMatchObject({
      status: "queued",
      retry_of: old.id,
      retried_by: null,
      params: old.params,
      priority: "low",
      metadata: old.metadata,
      model: "tiny",
    });
    expect(job.id).not.toBe(old.id);
    expect(await api.job(old.id)).toEqual({ ...old, retried_by: job.id });
    const claim = await api.worker.take();
    expect(claim.jobId).toBe(job.id);
    expect(claim.request).toMatchObject({ messages: [{ role: "user", content: "a" }] });
  });

  it("refuses a job that has not ended", async () => {
    const { id } = await api.submit();
    const error = await errorOf(await api.post(`/v1/jobs/${id}/retry`));
    expect(error).toMatchObject({ status: 409, code: "job_not_finished" });
    expect(error.message).toContain("queued");
  });
});

describe("DELETE /v1/jobs/{id}", () => {
  it("removes an ended job with everything of it", async () => {
    const { id } = await ended();
    const response = await remove(id);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ id, object: "job", deleted: true });
    expect(await errorOf(await api.request(`/v1/jobs/${id}`))).toMatchObject({ status: 404, code: "job_not_found" });
    expect((await errorOf(await remove(id))).status).toBe(404);
    expect((await errorOf(await api.post(`/v1/jobs/${id}/retry`))).status).toBe(404);
    expect((await errorOf(await api.post(`/v1/jobs/${id}/cancel`))).status).toBe(404);
  });

  it("frees the job's Idempotency-Key", async () => {
    const key = { "idempotency-key": "once" };
    const first = await api.submit({ prompt: "a" }, key);
    await act(first.id, "cancel");
    expect((await remove(first.id)).status).toBe(200);
    expect((await api.submit({ prompt: "b" }, key)).id).not.toBe(first.id);
  });

  it("refuses a job that waits or runs", async () => {
    const { id } = await api.submit();
    expect(await errorOf(await remove(id))).toMatchObject({ status: 409, code: "job_not_finished" });
    await api.worker.take();
    const error = await errorOf(await remove(id));
    expect(error).toMatchObject({ status: 409, code: "job_not_finished" });
    expect(error.message).toContain("cancel it");
  });
});
