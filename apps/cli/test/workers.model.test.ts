import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Job } from "@llamero/core";
import type { LlameroProcess } from "@llamero/testkit";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { llamero } from "./command-line.ts";
import { type Client, Deployment, decoding, logged, longJob, sentiment } from "./deployment.ts";

const tiny = new URL("../../../models/tiny/tiny.gguf", import.meta.url).pathname;
const folder = await mkdtemp(join(tmpdir(), "llamero-workers-"));
const copy = join(folder, "tiny.gguf");
await copyFile(tiny, copy);
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => {
  process.exitCode = 0;
});

interface Shown {
  id: string;
  pid: number;
  is_drained: boolean;
  models: { name: string; state: string; slots: number }[];
  specs: string[];
  error: string | null;
}

/** A deployment with workers of one slot each, with their ids and what they serve. */
async function open(count: number) {
  const deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
  const starting = Array.from({ length: count }, () => deployment.start("worker"));
  const [api, ...started] = await Promise.all([deployment.startApi(), ...starting]);
  const { data } = (await api.call("GET", "/v1/workers")).body as { data: Shown[] };
  const of = (worker: LlameroProcess) => {
    const { id = "", specs = [] } = data.find(({ pid }) => pid === worker.child.pid) ?? {};
    return { worker, id, specs };
  };
  return { deployment, api, workers: started.map(of) };
}

async function tell(api: Client, id: string | undefined, verb: string, body?: object): Promise<void> {
  expect((await api.call("POST", `/v1/workers/${id}/${verb}`, body)).status).toBe(202);
}

/** The worker as soon as it is shown so. */
const shown = (api: Client, id: string | undefined, expected: object) =>
  vi.waitFor(async () => expect((await api.call("GET", `/v1/workers/${id}`)).body).toMatchObject(expected), {
    timeout: 20_000,
    interval: 20,
  });

const succeededOn = ({ log }: LlameroProcess) =>
  log.flatMap((entry) => (entry["msg"] === "job succeeded" ? [entry["job_id"]] : []));

async function expectEnds(api: Client, jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) expect(await api.ended(job.id)).toMatchObject({ status: "succeeded", attempts: 1 });
}

const submit = (api: Client, count: number, body: object = sentiment) =>
  Promise.all(Array.from({ length: count }, () => api.submit(body)));

test("a worker that is drained ends what it has and takes no more, which the other one takes, until it is resumed", async () => {
  const { deployment, api, workers } = await open(2);
  await using _ = deployment;
  const [one, two] = workers;
  if (one === undefined || two === undefined) throw new Error("there are no workers");
  const running = await submit(api, 2, longJob);
  for (const job of running) await api.until(job.id, decoding(1));
  await tell(api, one.id, "drain");
  await shown(api, one.id, { is_drained: true, models: [{ state: "draining", slots: 0 }] });
  const waiting = await submit(api, 10);
  await expectEnds(api, [...running, ...waiting]);
  for (const { id } of waiting) await logged(two.worker, { job_id: id, msg: "job succeeded" });
  expect(succeededOn(one.worker)).toHaveLength(1);

  await tell(api, one.id, "resume");
  await shown(api, one.id, { is_drained: false, models: [{ state: "ready", slots: 1 }] });
  // More than the other one has in hand at once.
  await expectEnds(api, await submit(api, 4, longJob));
  await vi.waitFor(() => expect(succeededOn(one.worker).length).toBeGreaterThan(1), 5_000);
});

test("a model is changed on one worker after the other, and no job fails; what is no model changes nothing", async () => {
  const { deployment, api, workers } = await open(2);
  await using _ = deployment;
  const ended: Job[] = [];
  let isOver = false;
  const stream = async (body: object) => {
    while (!isOver) ended.push(await api.ended((await api.submit(body)).id));
  };
  const streams = Promise.all([sentiment, sentiment, sentiment, longJob].map(stream));
  const spec = `tiny=${copy}`;
  const change = async () => {
    for (const { id, specs } of workers) {
      await tell(api, id, "models", { models: [`tiny=${folder}/none.gguf`] });
      await shown(api, id, { error: expect.stringContaining("none.gguf"), specs, models: [{ state: "ready" }] });
      await tell(api, id, "models", { models: [spec] });
      await shown(api, id, { error: null, specs: [spec], models: [{ name: "tiny", state: "ready", slots: 1 }] });
    }
  };
  await change().finally(() => {
    isOver = true;
    return streams;
  });
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(["succeeded"]));
  expect(ended.length).toBeGreaterThan(10);
  await expectEnds(api, await submit(api, 4));
});

test("a worker that is stopped while it changes its model hands back what it runs", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1", LLAMERO_STOP_SECONDS: "1" });
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const { data } = (await api.call("GET", "/v1/workers")).body as { data: Shown[] };
  const jobs = await submit(api, 2, longJob);
  await api.until(jobs[0]?.id ?? "", decoding(1));
  await tell(api, data[0]?.id, "models", { models: [`tiny=${copy}`] });
  await logged(worker, { msg: "the models of this worker change" });
  expect(await worker.stop()).toBe(0);
  await deployment.start("worker");
  for (const { id } of jobs) expect(await api.ended(id)).toMatchObject({ status: "succeeded" });
});

test("the command line lists workers and tells them what to do", async () => {
  const { deployment, api, workers } = await open(1);
  await using _ = deployment;
  const [one] = workers;
  const id = one?.id ?? "";
  const command = (...words: string[]) => llamero(deployment.redis.url, "workers", ...words);
  const listed = async () => (await command("ls")).out.split("\n").find((line) => line.startsWith(id));
  const lists = (text: RegExp) => vi.waitFor(async () => expect(await listed()).toMatch(text), { timeout: 10_000, interval: 20 });
  const { out } = await command("ls");
  expect(out).toMatch(/^id +host +pid +state +tokens\/s +models\n/);
  for (const { worker } of workers) expect(out).toMatch(new RegExp(`wrk_\\w+ +\\S+ +${worker.child.pid} +takes jobs +\\d`));
  expect(out).toContain("tiny (ready, 1 slots, 0.0 GiB)");

  expect((await command("drain", id)).out).toBe(`${id} takes no more jobs.\n`);
  await lists(/ drained .* tiny \(draining, 0 slots/);
  expect((await command("resume", id)).out).toBe(`${id} takes jobs again.\n`);
  await lists(/ takes jobs /);
  expect((await command("models", id, `tiny=${folder}/none.gguf`)).out).toContain(`${id} changes its models`);
  await lists(/ error: .*none\.gguf/);
  await command("models", id, `tiny=${copy}`);
  await shown(api, id, { specs: [`tiny=${copy}`], models: [{ state: "ready" }] });
  await lists(/ takes jobs /);

  for (const verb of [["drain"], ["resume"], ["models", "a"]])
    expect((await command(verb[0] ?? "", "nobody", ...verb.slice(1))).err).toMatch(
      /^llamero: There is no live worker "nobody"\./,
    );
  expect(process.exitCode).toBe(1);
});
