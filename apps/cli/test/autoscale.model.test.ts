import { spawn } from "node:child_process";
import { once } from "node:events";
import { connectRedis, createStore } from "@llamero/store";
import { isAlive, tinyEntry } from "@llamero/testkit";
import { expect, test, vi } from "vitest";
import { type Client, Deployment, decoding, longJob } from "./deployment.ts";

const entry = new URL("../src/main.ts", import.meta.url).pathname;
const env = { LLAMERO_SLOTS: "1", LLAMERO_THREADS: "1", LLAMERO_PARALLEL_CONTEXTS: "1", LLAMERO_STOP_SECONDS: "4" };

/** A `llamero autoscale` that goes when the scope is left. */
function autoscale(redisUrl: string, ...flags: string[]) {
  const child = spawn(process.execPath, [entry, "autoscale", ...flags], {
    env: { ...process.env, ...env, REDIS_URL: redisUrl },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  const closed = once(child, "close");
  const exit = async () => {
    await closed;
    return child.exitCode;
  };
  return {
    exit,
    output: () => output,
    /** Resolves when it has said so. */
    says: (text: string) => vi.waitFor(() => expect(output).toContain(text), { timeout: 60_000, interval: 20 }),
    stop: () => {
      child.kill("SIGTERM");
      return exit();
    },
    [Symbol.asyncDispose]: async () => {
      // Its workers notice that it is gone.
      child.kill("SIGKILL");
      await closed;
    },
  };
}

const pidsOf = async (api: Client) =>
  ((await api.call("GET", "/v1/workers")).body as { data: { pid: number }[] }).data.map(({ pid }) => pid);

async function withStore<T>(
  { redis: { url } }: Deployment,
  use: (store: ReturnType<typeof createStore>) => Promise<T>,
): Promise<T> {
  const redis = await connectRedis(url, "commands");
  return use(createStore({ redis, prefix: "llamero" })).finally(() => redis.disconnect());
}

/** As if the last job had ended more than a minute ago. */
async function fade({ redis: { url } }: Deployment): Promise<void> {
  const redis = await connectRedis(url, "commands");
  const { keys } = createStore({ redis, prefix: "llamero" });
  await redis.hset(keys.drain("tiny"), "at", 0).finally(() => redis.disconnect());
}

test("workers come with the jobs, no more than may, and go when they are needed no longer", async () => {
  await using deployment = await Deployment.open();
  const api = await deployment.startApi();
  await using scaler = autoscale(deployment.redis.url, "--max", "2", "--target", "1", "--down-after", "2");
  // Nobody knows yet what the model is: one worker tells, and goes.
  await scaler.says("scaling from 0 to 1");
  await scaler.says("scaling from 1 to 0");
  await vi.waitFor(async () => expect(await pidsOf(api)).toEqual([]), 10_000);
  const jobs = await Promise.all(Array.from({ length: 8 }, () => api.submit(longJob)));
  await scaler.says("scaling from 1 to 2");
  let most = 0;
  for (const { id } of jobs) {
    expect(await api.ended(id)).toMatchObject({ status: "succeeded" });
    most = Math.max(most, (await pidsOf(api)).length);
  }
  expect(most).toBe(2);
  await fade(deployment);
  await scaler.says("scaling from 2 to 0");
  await vi.waitFor(async () => expect(await pidsOf(api)).toEqual([]), 10_000);
  expect(await scaler.stop()).toBe(0);
});

test("of a model that nobody has told of, one worker finds out what it is; its end loses no job", async () => {
  await using deployment = await Deployment.open(env);
  const api = await deployment.startApi();
  await withStore(deployment, (store) => store.announceModel({ ...tinyEntry, name: "other" }));
  await using scaler = autoscale(deployment.redis.url, "--model", "tiny", "--max", "1");
  await vi.waitFor(async () => expect(await pidsOf(api)).toHaveLength(1), 20_000);
  const pids = await pidsOf(api);
  const body = { ...longJob, model: "tiny" };
  await vi.waitFor(async () => expect((await api.call("GET", "/v1/models/tiny")).status).toBe(200), 10_000);
  const jobs = await Promise.all([body, body, body].map((each) => api.submit(each)));
  await api.until(jobs[0]?.id ?? "", decoding(1));
  expect(await scaler.stop()).toBe(0);
  expect(pids.filter(isAlive)).toEqual([]);
  await deployment.start("worker");
  for (const { id } of jobs) expect(await api.ended(id)).toMatchObject({ status: "succeeded" });
});

test.each([
  [["--min", "3", "--max", "2"], "llamero autoscale: --min 3 is more than --max 2.\n"],
  [["--max", "0"], 'llamero autoscale: --max must be a whole number from 1 on, not "0".\n'],
  [["--target", "soon"], 'llamero autoscale: --target must be a whole number from 1 on, not "soon".\n'],
  [["--down-after", "1.5"], 'llamero autoscale: --down-after must be a whole number from 0 on, not "1.5".\n'],
])("%j is refused in one line", async (flags, message) => {
  await using scaler = autoscale("redis://127.0.0.1:1", ...flags);
  expect(await scaler.exit()).toBe(1);
  expect(scaler.output()).toBe(message);
});
