import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Place } from "./dev-harness.ts";

let place: Place;

beforeEach(async () => {
  place = await Place.create();
});

afterEach(() => place.close());

/** Overwrites the middle of the append-only file. */
async function damageData(): Promise<void> {
  const folder = join(place.dataDir, "redis/appendonlydir");
  const name = (await readdir(folder)).find((file) => file.endsWith(".incr.aof")) ?? "";
  const bytes = await readFile(join(folder, name));
  bytes.fill("x", 27, 60);
  await writeFile(join(folder, name), bytes);
}

test("says how to repair damaged data", async () => {
  const first = await place.dev().ready();
  for (const key of ["a", "b", "c"]) await place.redis("SET", key, "value");
  await first.stop();
  await damageData();
  const second = place.dev();
  expect(await second.exit()).toBe(1);
  const appendFolder = join(place.dataDir, "redis/appendonlydir");
  expect(second.output).toContain(`The Redis data in ${appendFolder} is damaged`);
  expect(second.output).toContain(`redis-check-aof --fix '${appendFolder}/appendonly.aof.manifest'`);
  expect(await place.events()).not.toContain("api start");
});

test("says that the data folder cannot be used", async () => {
  await writeFile(place.dataDir, "a file");
  const dev = place.dev();
  expect(await dev.exit()).toBe(1);
  expect(dev.output).toContain(`The data folder ${place.dataDir} is not a folder.`);
});

test("says that the Redis of REDIS_URL does not answer, without its password", async () => {
  const dev = place.dev({ REDIS_URL: "redis://:hunter2@127.0.0.1:1" });
  expect(await dev.exit()).toBe(1);
  expect(dev.output).toContain("The Redis of REDIS_URL (127.0.0.1:1) does not answer: ECONNREFUSED.");
  expect(dev.output).not.toContain("hunter2");
});

test("uses the Redis of REDIS_URL and leaves it running", async () => {
  const socket = join(place.folder, "other.sock");
  const redis = spawn("redis-server", ["--port", "0", "--unixsocket", socket, "--save", ""], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  while (!output.includes("eady to accept connections")) output += (await once(redis.stdout, "data"))[0];

  const dev = await place.dev({ REDIS_URL: `unix://${socket}` }).ready();
  expect((await place.events())[0]).toContain(`unix://${socket}`);
  expect(await dev.stop()).toBe(0);
  expect(redis.exitCode).toBeNull();

  const closed = once(redis, "close");
  redis.kill("SIGTERM");
  await closed;
});

test("says that the Redis of REDIS_URL wants a password", async () => {
  const socket = join(place.folder, "other.sock");
  const server = createServer((client) => client.on("data", () => client.write("-NOAUTH Authentication required.\r\n")));
  server.listen(socket);
  const dev = place.dev({ REDIS_URL: `unix://${socket}` });
  expect(await dev.exit()).toBe(1);
  expect(dev.output).toContain(`The Redis of REDIS_URL (${socket}) refuses: NOAUTH Authentication required.`);
  await new Promise((resolve) => server.close(resolve));
});
