import { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { createLogger } from "../src/index.ts";
import { Metrics } from "../src/metrics/metrics.ts";
import { Health } from "../src/ops/health.ts";
import { type OpsServer, type OpsServerOptions, openOpsServer } from "../src/ops/ops-server.ts";

const open: OpsServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const TOKEN = "a-profiling-token-of-this-test";

async function serve(options: Partial<OpsServerOptions> = {}) {
  const health = new Health();
  const metrics = new Metrics("api", createLogger({ name: "api", level: "fatal" }));
  const server = await openOpsServer({ host: "127.0.0.1", port: 0, profilingToken: null, health, metrics, ...options });
  open.push(server);
  const url = `http://127.0.0.1:${server.port}`;
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, { headers });
    return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
  };
  return { url, get, health, metrics, port: server.port };
}

test("tells whether the process runs, whether it is ready, and its metrics", async () => {
  const { get, health } = await serve();
  expect(await get("/livez")).toMatchObject({ status: 200, text: '{"status":"ok"}' });
  expect(await get("/readyz")).toMatchObject({ status: 200, text: '{"status":"ok"}' });
  health.check("redis", () => "has not answered for 7 seconds");
  const { status, text } = await get("/readyz");
  expect({ status, body: JSON.parse(text) }).toEqual({
    status: 503,
    body: { status: "unavailable", problems: { redis: "has not answered for 7 seconds" } },
  });
  const metrics = await get("/metrics");
  expect(metrics.type).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(metrics.text).toContain('llamero_build_info{process="api"');
});

/** What is answered while this thread does nothing but wait for the answer. */
function getWhileStuck(url: string, afterMs: number): { status: number; text: string } {
  const shared = new SharedArrayBuffer(4_096);
  const source = `
    const { workerData } = require("node:worker_threads");
    const signal = new Int32Array(workerData.shared, 0, 3);
    setTimeout(async () => {
      const response = await fetch(workerData.url);
      const bytes = Buffer.from(await response.text());
      new Uint8Array(workerData.shared, 12).set(bytes);
      signal[1] = response.status;
      signal[2] = bytes.length;
      Atomics.store(signal, 0, 1);
      Atomics.notify(signal, 0);
    }, workerData.afterMs);`;
  const worker = new Worker(source, { eval: true, workerData: { shared, url, afterMs } });
  const signal = new Int32Array(shared, 0, 3);
  expect(Atomics.wait(signal, 0, 0, 20_000)).not.toBe("timed-out");
  worker.unref();
  return { status: Number(signal[1]), text: Buffer.from(shared, 12, signal[2]).toString() };
}

test("an event loop that is stuck is told by /livez, and /readyz does not wait for it", async () => {
  const { url, get } = await serve({ stuckMs: 1_000 });
  const { status, text } = getWhileStuck(`${url}/livez`, 2_000);
  expect(status).toBe(503);
  expect(JSON.parse(text)).toEqual({
    status: "stuck",
    problems: { event_loop: expect.stringMatching(/^has not turned for [2-9] seconds$/) },
  });
  await expect.poll(async () => (await get("/livez")).status).toBe(200);
  expect(getWhileStuck(`${url}/readyz`, 0)).toMatchObject({ status: 503 });
});

test("profiles are off without a token, and closed to who does not show it", async () => {
  const without = await serve();
  expect((await without.get("/debug/cpu-profile")).status).toBe(404);
  const { get } = await serve({ profilingToken: TOKEN });
  expect((await get("/debug/cpu-profile")).status).toBe(401);
  expect((await get("/debug/heap-snapshot", { authorization: "Bearer another" })).status).toBe(401);
});

test("gives profiles of the main thread that DevTools reads", async () => {
  const { get } = await serve({ profilingToken: TOKEN });
  const authorization = `Bearer ${TOKEN}`;
  const spin = setInterval(function spinningForTheProfile() {
    const until = performance.now() + 20;
    while (performance.now() < until);
  }, 25);
  const cpu = await get("/debug/cpu-profile?seconds=1", { authorization });
  clearInterval(spin);
  const names = JSON.parse(cpu.text).nodes.map((node: { callFrame: { functionName: string } }) => node.callFrame.functionName);
  expect(names).toContain("spinningForTheProfile");
  const heap = JSON.parse((await get("/debug/heap-snapshot", { authorization })).text);
  expect(heap.snapshot.node_count).toBeGreaterThan(1_000);
});

test("what is not there is named, and nothing is changed here", async () => {
  const { get, url } = await serve();
  expect(await get("/other")).toMatchObject({ status: 404, text: expect.stringContaining("/metrics") });
  expect((await fetch(`${url}/livez`, { method: "POST" })).status).toBe(405);
});

test("a port in use and an address that is not this machine's are named", async () => {
  const { port } = await serve();
  await expect(serve({ port })).rejects.toMatchObject({ code: "port_in_use" });
  await expect(serve({ host: "203.0.113.1" })).rejects.toMatchObject({ code: "config_invalid" });
});
