import type { Job } from "@llamero/core";
import { answering } from "@llamero/testkit";
import { describe, expect, it, vi } from "vitest";
import { errorOf } from "./expect-error.ts";
import { useApi } from "./harness.ts";

const api = useApi();

describe("POST /v1/jobs", () => {
  it("answers 202 with the job and where to poll it", async () => {
    const response = await api.post("/v1/jobs", { prompt: "Great!", params: { max_tokens: 5 }, metadata: { a: "b" } });
    expect(response.status).toBe(202);
    const job = (await response.json()) as Job;
    expect(response.headers.get("location")).toBe(`/v1/jobs/${job.id}`);
    expect(job).toMatchObject({ type: "chat", model: "tiny", status: "queued", metadata: { a: "b" }, params: { max_tokens: 5 } });
    expect(await api.job(job.id)).toEqual({ ...job, position: 1 });
  });

  it("takes prompt, messages and input as what they are", async () => {
    const messages = [{ role: "user", content: "hello" }];
    const bodies = [{ prompt: "a" }, { prompt: "a", type: "completion" }, { messages }, { input: "a" }, { input: ["a", "b"] }];
    const jobs = await Promise.all(bodies.map((body) => api.submit(body)));
    expect(jobs.map((job) => job.type)).toEqual(["chat", "completion", "chat", "embedding", "embedding"]);
  });

  it("settles the seed, so that every attempt samples alike", async () => {
    const drawn = await api.submit({ prompt: "a" });
    expect(drawn.params?.seed).toBeTypeOf("number");
    expect((await api.job(drawn.id)).params?.seed).toBe(drawn.params?.seed);
    expect((await api.submit({ prompt: "a", params: { seed: 7 } })).params?.seed).toBe(7);
  });

  it("keeps a text as it came, whatever its characters", async () => {
    const prompt = 'naïve 日本語 🦙 \\ " \u2028 </script> $1 %00 __proto__ constructor';
    await api.submit({ prompt });
    const { request } = await api.worker.take();
    expect(request).toMatchObject({ messages: [{ role: "user", content: prompt }] });
  });

  it("takes the most exotic metadata keys as plain data", async () => {
    const metadata = { constructor: "a", prototype: "b", toString: "c", "": undefined, "a.b[c]": "d" };
    const job = await api.submit({ prompt: "a", metadata });
    expect((await api.job(job.id)).metadata).toEqual({ constructor: "a", prototype: "b", toString: "c", "a.b[c]": "d" });
  });

  it("takes the session that a job is a turn of, and tells workers of it by a name of the owner's own", async () => {
    const job = await api.submit({ prompt: "a", session_id: "talk 1" });
    expect(job.session_id).toBe("talk 1");
    expect((await api.submit({ prompt: "a" })).session_id).toBeNull();
    const claim = await api.worker.take();
    expect(claim).toMatchObject({ jobId: job.id, session: expect.stringMatching(/^s[\w-]{16}$/) });
    expect((await api.worker.take()).session).toBeNull();
  });

  it.each<[string, object]>([
    ["an embedding", { input: "a" }],
    ["a ranking", { query: "a", documents: ["b"] }],
  ])("refuses a session for %s", async (_name, body) => {
    const refused = await errorOf(await api.post("/v1/jobs", { ...body, session_id: "talk" }));
    expect(refused).toMatchObject({ status: 400, code: "invalid_request", param: "session_id" });
  });

  it("schedules a job by delay_ms and by run_at", async () => {
    const delayed = await api.submit({ prompt: "a", delay_ms: 60_000 });
    const at = new Date(Date.now() + 60_000).toISOString();
    const timed = await api.submit({ prompt: "a", run_at: at });
    expect(delayed.status).toBe("scheduled");
    expect(Date.parse(delayed.run_at ?? "") - Date.parse(delayed.created_at)).toBe(60_000);
    expect(timed).toMatchObject({ status: "scheduled", run_at: at });
  });

  it("goes by Redis's clock, however wrong the process's own is", async () => {
    const inTenMinutes = new Date(Date.now() + 600_000).toISOString();
    for (const wrongByMs of [3_600_000, -3_600_000]) {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + wrongByMs });
      try {
        const delayed = await api.submit({ prompt: "a", delay_ms: 60_000, deadline_ms: 90_000 });
        expect(Date.parse(delayed.run_at ?? "") - Date.parse(delayed.created_at)).toBe(60_000);
        const timed = await api.submit({ prompt: "a", run_at: inTenMinutes, deadline_ms: 900_000 });
        expect(timed).toMatchObject({ status: "scheduled", run_at: inTenMinutes });
        const unfit = await api.post("/v1/jobs", { prompt: "a", run_at: inTenMinutes, deadline_ms: 300_000 });
        expect(await errorOf(unfit)).toMatchObject({ status: 400, code: "invalid_request", param: "deadline_ms" });
      } finally {
        vi.useRealTimers();
      }
    }
  });

  it("queues at once what was due in the past", async () => {
    expect(await api.submit({ prompt: "a", run_at: "2001-01-01T00:00:00Z" })).toMatchObject({ status: "queued", run_at: null });
    expect(await api.submit({ prompt: "a", delay_ms: 0 })).toMatchObject({ status: "queued", run_at: null });
  });

  it("counts a deadline from the submission", async () => {
    const job = await api.submit({ prompt: "a", deadline_ms: 30_000 });
    expect(Date.parse(job.deadline_at ?? "") - Date.parse(job.created_at)).toBe(30_000);
  });

  it("puts jobs of a higher class before others", async () => {
    await api.worker.store.beat({ workerId: "w1", host: "test", pid: 1, slots: [] });
    const [low, normal, high] = [
      await api.submit({ prompt: "a", priority: "low" }),
      await api.submit(),
      await api.submit({ prompt: "a", priority: "high" }),
    ];
    expect([low, normal, high].map(({ priority }) => priority)).toEqual(["low", "normal", "high"]);
    const places = await Promise.all([low, normal, high].map(async ({ id }) => (await api.job(id)).position));
    expect(places).toEqual([3, 2, 1]);
    await api.worker.open(1);
    expect((await api.worker.take()).jobId).toBe(high.id);
  });

  it("takes jobs while no worker runs", async () => {
    await api.worker.store.beat({ workerId: "w1", host: "test", pid: 1, slots: [] });
    const job = await api.submit();
    expect(await api.job(job.id)).toMatchObject({ status: "queued", position: 1 });
    await api.worker.open(1);
    expect((await api.worker.take()).jobId).toBe(job.id);
  });

  it("accepts the job also when its carrier cannot be added", async () => {
    const failing = { add: () => Promise.reject(new Error("no carrier today")) };
    const replica = await api.replica({ carriers: failing });
    const job = await replica.submit();
    expect(await api.job(job.id)).toMatchObject({ status: "queued" });
    expect(replica.logs.join("")).toContain("the sweeper adds them");
  });
});

describe("Idempotency-Key", () => {
  const key = { "idempotency-key": "order-1" };

  it("gives the same job for the same body", async () => {
    const first = await api.submit({ prompt: "a" }, key);
    const again = await api.post("/v1/jobs", { prompt: "a" }, key);
    expect(again.status).toBe(202);
    expect(again.headers.get("location")).toBe(`/v1/jobs/${first.id}`);
    expect(await again.json()).toMatchObject({ id: first.id, params: first.params });
    expect((await api.submit({ prompt: "a" }, { "idempotency-key": "order-2" })).id).not.toBe(first.id);
  });

  it("answers 409 and forbids the retry when the body is another one", async () => {
    const { id } = await api.submit({ prompt: "a" }, key);
    const error = await errorOf(await api.post("/v1/jobs", { prompt: "b" }, key));
    expect(error).toMatchObject({ status: 409, code: "idempotency_conflict", param: "Idempotency-Key", type: "conflict_error" });
    expect(error.message).toContain(id);
    expect(error.headers.get("x-should-retry")).toBe("false");
  });

  it("makes one job of identical requests at the same time, over two replicas", async () => {
    const replica = await api.replica();
    const jobs = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? api : replica).submit({ prompt: "a" }, key)),
    );
    expect(new Set(jobs.map((job) => job.id)).size).toBe(1);
  });

  it("gives the ended job to a client that repeats a wait", async () => {
    api.worker.script = answering;
    const headers = { ...key, prefer: "wait=10" };
    const first = await api.post("/v1/jobs", { prompt: "a" }, headers);
    const again = await api.post("/v1/jobs", { prompt: "a" }, headers);
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(await again.json()).toEqual(await first.json());
  });

  it.each(["", " ", "a b", "ü", "x".repeat(256)])("refuses the key %j", async (value) => {
    const error = await errorOf(await api.post("/v1/jobs", { prompt: "a" }, { "idempotency-key": value }));
    expect(error).toMatchObject({ status: 400, code: "invalid_request", param: "Idempotency-Key" });
  });
});
