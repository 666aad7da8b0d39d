import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { json } from "node:stream/consumers";
import { connectRedis, createStore } from "@llamero/store";
import { startRedis, type TestRedis } from "@llamero/testkit";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { EventClient } from "./event-client.ts";
import { GrpcClient, type GrpcEvent, readAll } from "./grpc-client.ts";
import { announce } from "./harness.ts";

const script = `import(${JSON.stringify(new URL("../src/main.ts", import.meta.url).href)}).then(({ main }) => main(process.env))`;
const children: ChildProcess[] = [];
let server: TestRedis;

beforeAll(async () => {
  server = await startRedis();
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});

afterAll(() => server.close());

function run(env: Record<string, string>): ChildProcess & { errors: () => string } {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    env: { PATH: process.env["PATH"], REDIS_URL: server.url, PORT: "0", LLAMERO_PREFIX: "process", ...env },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  children.push(child);
  let text = "";
  child.stderr?.on("data", (chunk) => {
    text += chunk;
  });
  return Object.assign(child, { errors: () => text });
}

type Message = { type: string; url?: string; grpc_url?: string; code?: string; message?: string };

async function firstMessage(child: ChildProcess): Promise<Message> {
  const [message] = await once(child, "message");
  return message as Message;
}

async function exitCode(child: ChildProcess): Promise<unknown> {
  if (child.exitCode === null) await once(child, "exit");
  return child.exitCode;
}

it("says when it is ready and where, serves, and stops at SIGTERM while a client waits", async () => {
  const redis = await connectRedis(server.url, "commands");
  await announce(createStore({ redis, prefix: "process" }), "tiny", { is_default: true });
  redis.disconnect();
  const child = run({});
  const { type, url = "" } = await firstMessage(child);
  expect(type).toBe("ready");
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v1/jobs`, { method: "POST", headers, body: '{"prompt":"a"}' });
  expect(response.status).toBe(202);
  const { id } = (await response.json()) as { id: string };
  const polling = request(`${url}/v1/jobs/${id}?wait=60`, { headers: { expect: "100-continue" } });
  polling.flushHeaders();
  await once(polling, "continue");
  const startedAt = performance.now();
  child.kill("SIGTERM");
  const [answer] = (await once(polling, "response")) as [IncomingMessage];
  expect(await json(answer)).toMatchObject({ id, status: "queued" });
  expect(await exitCode(child)).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

it("ends the events that clients follow at SIGTERM", async () => {
  const redis = await connectRedis(server.url, "commands");
  await announce(createStore({ redis, prefix: "process" }), "tiny", { is_default: true });
  redis.disconnect();
  const child = run({});
  const { url = "" } = await firstMessage(child);
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v1/jobs`, { method: "POST", headers, body: '{"prompt":"a"}' });
  const { id } = (await response.json()) as { id: string };
  const client = await EventClient.open(`${url}/v1/jobs/${id}/events`);
  expect(await client.next()).toMatchObject({ id: "0-0-queued" });
  const startedAt = performance.now();
  child.kill("SIGTERM");
  expect(await client.next()).toBeNull();
  expect(await exitCode(child)).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

it("serves gRPC beside HTTP, and ends its streams and waits at SIGTERM", async () => {
  const redis = await connectRedis(server.url, "commands");
  await announce(createStore({ redis, prefix: "process" }), "tiny", { is_default: true });
  redis.disconnect();
  const child = run({ LLAMERO_GRPC_PORT: "0", LLAMERO_MAX_BODY_BYTES: "2000" });
  const { url = "", grpc_url = "" } = await firstMessage(child);
  const client = new GrpcClient(grpc_url);
  const { id } = await client.call("Submit", { prompt: "a" });
  expect(await (await fetch(`${url}/v1/jobs/${id}`)).json()).toMatchObject({ id, status: "queued" });
  expect(await client.refusal("Submit", { prompt: "a".repeat(2_000) })).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  const stream = client.stream<GrpcEvent>("Watch", { id });
  await once(stream, "data");
  const [waiting, watching] = [client.call("Get", { id, wait_seconds: 60 }), readAll(stream)];
  // It has been answered, so the wait that was sent before it has begun.
  await client.call("Get", { id });
  const startedAt = performance.now();
  child.kill("SIGTERM");
  expect(await waiting).toMatchObject({ id, status: "JOB_STATUS_QUEUED" });
  expect((await watching).error).toMatchObject({ code: "UNAVAILABLE", reason: "api_stopping" });
  expect(await exitCode(child)).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  client.close();
});

it("names the port for gRPC that is in use, and leaves no server behind", async () => {
  const { port } = new URL((await firstMessage(run({}))).url ?? "");
  const child = run({ LLAMERO_GRPC_PORT: port });
  const message = await firstMessage(child);
  expect(message).toMatchObject({ type: "startup_error", code: "port_in_use" });
  expect(message.message).toContain(`LLAMERO_GRPC_PORT=${Number(port) + 1}`);
  expect(await exitCode(child)).toBe(1);
});

it("refuses a public address without a key, and takes it with one", async () => {
  const child = run({ HOST: "0.0.0.0" });
  const refused = await firstMessage(child);
  expect(refused).toMatchObject({ type: "startup_error", code: "config_invalid" });
  expect(refused.message).toMatch(/0\.0\.0\.0.*llamero keys create/);
  expect(await exitCode(child)).toBe(1);
  const keyed = run({ HOST: "0.0.0.0", LLAMERO_API_KEYS: "me:long-enough-key" });
  expect((await firstMessage(keyed)).type).toBe("ready");
});

it("names the port that is in use", async () => {
  const { port } = new URL((await firstMessage(run({}))).url ?? "");
  const child = run({ PORT: port });
  const message = await firstMessage(child);
  expect(message).toMatchObject({ type: "startup_error", code: "port_in_use" });
  expect(message.message).toContain(`Port ${port}`);
  expect(await exitCode(child)).toBe(1);
});

it.each([
  [
    "an address of another machine",
    { HOST: "192.0.2.1", LLAMERO_API_KEYS: "me:long-enough-key" },
    "config_invalid",
    /192\.0\.2\.1/,
  ],
  ["no Redis", { REDIS_URL: "unix:///nowhere/redis.sock" }, "redis_unavailable", /does not answer/],
  ["a range of addresses that is none", { LLAMERO_WEBHOOK_ALLOW: "10.0.0.0/8,home" }, "config_invalid", /"home"/],
  ["settings that are none", { PORT: "x", LOG_LEVEL: "loud" }, "config_invalid", /PORT[\s\S]*LOG_LEVEL/],
])("says what is wrong with %s and exits 1", async (_what, env: Record<string, string>, code, says) => {
  const child = run(env);
  const message = await firstMessage(child);
  expect(message).toMatchObject({ type: "startup_error", code });
  expect(message.message).toMatch(says);
  expect(await exitCode(child)).toBe(1);
  expect(child.errors()).not.toContain("    at ");
});

it("goes on serving for a while after SIGTERM, and says that it is not ready", async () => {
  const child = run({ LLAMERO_DRAIN_SECONDS: "1.5" });
  const { url = "" } = await firstMessage(child);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const stoppedAt = performance.now();
  child.kill("SIGTERM");
  await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
  const answer = await fetch(`${url}/livez`);
  expect([answer.status, answer.headers.get("connection")]).toEqual([200, "close"]);
  expect(await exitCode(child)).toBe(0);
  expect(performance.now() - stoppedAt).toBeGreaterThan(1_400);
});

it("refuses to serve on for longer than it may take to stop", async () => {
  const child = run({ LLAMERO_DRAIN_SECONDS: "8" });
  expect(await firstMessage(child)).toMatchObject({ type: "startup_error", code: "config_invalid" });
});
