import { connectRedis } from "@llamero/store";
import { expect, it } from "vitest";
import { errorOf } from "./expect-error.ts";
import { useApi } from "./harness.ts";

const api = useApi({ maxWaiting: 10 });

it("answers 429 with the time until there may be room when too many jobs wait, and takes more when some have been fed", async () => {
  await api.fill();
  const error = await errorOf(await api.post("/v1/jobs", { prompt: "a" }));
  expect(error).toMatchObject({ status: 429, code: "backlog_full", type: "rate_limit_error", param: null });
  expect(error.message).toBe("Too many jobs wait for tiny. Try again in 60 s, when there may be room.");
  expect(error.headers.get("retry-after")).toBe("60");
  expect((await api.post("/v1/jobs", { model: "embedder", input: "a" })).status).toBe(202);
  await api.worker.open(1);
  expect((await api.post("/v1/jobs", { prompt: "a" })).status).toBe(202);
});

it("refuses to run an ended job again while too many wait", async () => {
  const { id } = await api.submit();
  await api.post(`/v1/jobs/${id}/cancel`);
  await api.fill();
  expect(await errorOf(await api.post(`/v1/jobs/${id}/retry`))).toMatchObject({ status: 429, code: "backlog_full" });
});

it("takes no more jobs when Redis is at four fifths of its limit, serves all the rest, and takes them again when there is room", async () => {
  const admin = await connectRedis(api.server.url, "commands");
  try {
    const { id } = await api.submit();
    const used = Number(/used_memory:(\d+)/.exec(await admin.info("memory"))?.[1]);
    await admin.config("SET", "maxmemory", String(Math.ceil(used * 1.2)));
    await api.memory.look();
    const error = await errorOf(await api.post("/v1/jobs", { prompt: "a" }));
    expect(error).toMatchObject({ status: 503, code: "redis_memory_full" });
    expect(error.headers.get("retry-after")).not.toBeNull();
    expect((await api.job(id)).status).toBe("queued");
    expect((await api.post(`/v1/jobs/${id}/cancel`)).status).toBe(200);
    await admin.config("SET", "maxmemory", String(used * 10));
    await api.memory.look();
    expect((await api.post("/v1/jobs", { prompt: "a" })).status).toBe(202);
  } finally {
    await admin.config("SET", "maxmemory", "0");
    await api.memory.look();
    admin.disconnect();
  }
});
