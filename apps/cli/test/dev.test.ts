import { once } from "node:events";
import { createServer } from "node:net";
import { freePort } from "@llamero/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Place, untilGone } from "./dev-harness.ts";

let place: Place;

beforeEach(async () => {
  place = await Place.create();
});

afterEach(() => place.close());

test("gets ready, prints the URL, the models and a request, and stops everything in order", async () => {
  const dev = await place.dev().ready();
  expect(dev.output).toContain(`Llamero is ready at http://127.0.0.1:${place.port}\n`);
  expect(dev.output).toContain("Models: tiny (4 slots, 2048 tokens of context)");
  expect(dev.output).toContain(
    `curl -s 'http://127.0.0.1:${place.port}/v1/jobs' -H 'Prefer: wait=30' -H 'content-type: application/json' -d '{"prompt":"Classify the sentiment: I love it."}'\n`,
  );
  // A child says that it is ready over a channel of its own: its log may come later.
  await dev.printed(/^worker {5}│ \[\d\d:\d\d:\d\d\] INFO: started \{"answer":42\}$/m);
  expect(await place.redis("CONFIG", "GET", "appendonly")).toBeDefined();
  dev.signal("SIGINT");
  expect(await dev.exit()).toBe(0);
  const stops = (await place.events()).filter((line) => line.endsWith("stop"));
  expect(stops).toEqual(["api stop", "worker stop", "dispatcher stop"]);
});

test("keeps what was written in Redis over a stop and a start", async () => {
  const first = await place.dev().ready();
  await place.redis("SET", "job", "kept");
  await first.stop();
  const second = await place.dev().ready();
  expect(await place.redis("GET", "job")).toBe("kept");
  expect(await second.stop()).toBe(0);
});

test("starts a crashed child again, and Redis with its data", async () => {
  const dev = await place.dev().ready();
  const [api] = await place.pids("api");
  process.kill(api ?? 0, "SIGKILL");
  await dev.printed(/api is ready again/);
  expect(dev.output).toContain("api ended (signal SIGKILL). It is started again in 0.02 s.");
  expect(await place.pids("api")).toHaveLength(2);

  await place.redis("SET", "job", "kept");
  const redis = Number(/process_id:(\d+)/.exec(await place.redis("INFO", "server"))?.[1]);
  process.kill(redis, "SIGKILL");
  await dev.printed(/redis is ready again/);
  expect(await place.redis("GET", "job")).toBe("kept");
  expect(await dev.stop()).toBe(0);
});

test("after a kill its children end by themselves, and the next start replaces the Redis left behind", async () => {
  const killed = await place.dev().ready();
  await place.redis("SET", "job", "kept");
  killed.signal("SIGKILL");
  await killed.exit();
  const left = (await Promise.all(["api", "worker", "dispatcher"].map((name) => place.pids(name)))).flat();
  await Promise.all(left.map(untilGone));
  const redis = Number(/process_id:(\d+)/.exec(await place.redis("INFO", "server"))?.[1]);

  const next = await place.dev().ready();
  expect(next.output).toContain("the last run was killed; ended the Redis that it left behind");
  await untilGone(redis);
  expect(await place.redis("GET", "job")).toBe("kept");
  expect(await next.stop()).toBe(0);
});

test("refuses a second instance on the same data folder, naming folder and process, whatever TMPDIR is", async () => {
  const first = await place.dev().ready();
  for (const env of [{}, { TMPDIR: place.folder }]) {
    const second = place.dev(env);
    expect(await second.exit()).toBe(1);
    expect(second.output).toContain(`Llamero already runs on the data folder ${place.dataDir} (process ${first.pid}).`);
    expect(second.output).toContain("DATA_DIR=");
  }
  expect(await first.stop()).toBe(0);
});

test("stops everything with the message of a child that cannot start", async () => {
  const dev = place.dev({ FAKE_FAIL: "worker" });
  expect(await dev.exit()).toBe(1);
  expect(dev.output.match(/tiny\.gguf is not a GGUF file\./g)).toHaveLength(1);
  expect(dev.output).toContain("llamero dev: The worker could not start. tiny.gguf");
  expect(dev.output).not.toContain("    at ");
});

test("names the next free port when its port is taken, before it starts anything", async () => {
  const server = createServer().listen(place.port, "127.0.0.1");
  await once(server, "listening");
  const dev = place.dev();
  expect(await dev.exit()).toBe(1);
  expect(dev.output).toMatch(new RegExp(`Port ${place.port} on 127.0.0.1 is taken. Choose another: PORT=\\d+ npm start\n$`));
  expect(await place.events()).toEqual([]);
  server.close();
  await once(server, "close");
});

test("tells where gRPC is, and that its port is taken before it starts anything", async () => {
  const port = await freePort();
  const dev = await place.dev({ LLAMERO_GRPC_PORT: String(port) }).ready();
  expect(dev.output).toContain(`\n  gRPC: 127.0.0.1:${port}\n`);
  expect(await dev.stop()).toBe(0);
  const started = (await place.events()).length;
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const refused = place.dev({ LLAMERO_GRPC_PORT: String(port) });
  expect(await refused.exit()).toBe(1);
  expect(refused.output).toMatch(
    new RegExp(`Port ${port} on 127.0.0.1 is taken. Choose another: LLAMERO_GRPC_PORT=\\d+ npm start\n$`),
  );
  expect(await place.events()).toHaveLength(started);
  server.close();
  await once(server, "close");
});

test("reports every mistake in the configuration, of all processes, before it starts anything", async () => {
  const dev = place.dev({ PORT: "x", LLAMERO_GPU: "y" });
  expect(await dev.exit()).toBe(1);
  expect(dev.output).toMatch(/PORT="x": must be .*\n {2}LLAMERO_GPU="y": must be /);
});

test("kills a child that does not stop in its time", async () => {
  const dev = await place.dev({ FAKE_STUCK: "worker", LLAMERO_STOP_SECONDS: "0.8" }).ready();
  expect(await dev.stop()).toBe(0);
  // By its own deadline, or, where the machine is busy and that comes late, by its parent's.
  expect(dev.output).toMatch(/worker did not stop within (270|300) ms/);
});

test("ends everything at once on a second Ctrl-C", async () => {
  const dev = await place.dev({ FAKE_STUCK: "worker" }).ready();
  // The first two count as one: npm doubles an interrupt.
  const impatient = setInterval(() => dev.signal("SIGINT"), 100);
  expect(await dev.exit()).toBe(130);
  clearInterval(impatient);
  await Promise.all((await place.pids("worker")).map(untilGone));
});
