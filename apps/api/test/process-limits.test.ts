import { connectRedis, createStore } from "@llamero/store";
import { type LlameroProcess, startLlamero, startRedis, type TestRedis } from "@llamero/testkit";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { announce, jsonType } from "./harness.ts";

let server: TestRedis;
let admin: Awaited<ReturnType<typeof connectRedis>>;
let api: LlameroProcess | null = null;

beforeEach(async () => {
  server = await startRedis();
  admin = await connectRedis(server.url, "commands");
  await announce(createStore({ redis: admin, prefix: "llamero" }), "tiny", { is_default: true });
});

afterEach(async () => {
  await api?.kill();
  api = null;
  admin.disconnect();
  await server.close();
});

/** Starts a process with its settings in the environment. @returns what submits a job to it, as status and error code */
async function start(
  env: Record<string, string> = {},
): Promise<() => Promise<{ status: number; code?: string; message?: string }>> {
  api = await startLlamero("api", { REDIS_URL: server.url, PORT: "0", ...env });
  const url = `${api.ready.url}/v1/jobs`;
  return async () => {
    const response = await fetch(url, { method: "POST", headers: jsonType, body: '{"prompt":"a"}' });
    const { error } = (await response.json()) as { error?: { code: string; message: string } };
    return { status: response.status, ...error };
  };
}

it("takes as many jobs as LLAMERO_MAX_WAITING says", async () => {
  const submit = await start({ LLAMERO_MAX_WAITING: "2" });
  const answers = [await submit(), await submit(), await submit()];
  expect(answers.map(({ status }) => status)).toEqual([202, 202, 429]);
});

it("counts a job as accepted when as many replicas have it as LLAMERO_REDIS_WAIT_REPLICAS says", async () => {
  const submit = await start({ LLAMERO_REDIS_WAIT_REPLICAS: "1" });
  expect(await submit()).toMatchObject({
    status: 503,
    code: "redis_unavailable",
    message: expect.stringMatching(/0 of 1 replicas/),
  });
});

it("notices by itself that Redis fills up, and that it has room again", async () => {
  const submit = await start();
  const untilAnswered = (wanted: number) =>
    vi.waitFor(async () => expect(await submit()).toMatchObject({ status: wanted }), { timeout: 10_000, interval: 50 });
  await untilAnswered(202);
  const used = Number(/used_memory:(\d+)/.exec(await admin.info("memory"))?.[1]);
  // Below what is used Redis itself would refuse: this is between that and four fifths.
  await admin.config("SET", "maxmemory", String(Math.ceil(used * 1.15)));
  await untilAnswered(503);
  expect(await submit()).toMatchObject({ code: "redis_memory_full", message: expect.stringMatching(/nearly full/) });
  await admin.config("SET", "maxmemory", String(used * 10));
  await untilAnswered(202);
});

it("warns at its start of a Redis without an append-only file", async () => {
  await admin.config("SET", "appendonly", "no");
  await start();
  // A log line takes its own way, and may come after the word that the process is ready.
  await vi.waitFor(
    () => expect(api?.log).toContainEqual(expect.objectContaining({ msg: expect.stringContaining("CONFIG SET appendonly yes") })),
    {
      timeout: 10_000,
      interval: 5,
    },
  );
});
