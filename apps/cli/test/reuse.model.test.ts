import type { Job } from "@llamero/core";
import { expect, test } from "vitest";
import { Deployment, decoding, longJob, sentiment } from "./deployment.ts";
import { follow } from "./follow-events.ts";

const reusing = { LLAMERO_REUSE: "all", LLAMERO_SLOTS: "2" };
const textOf = ({ output }: Job) => (output !== null && "text" in output ? output.text : "");
const vectorsOf = ({ output }: Job) => (output !== null && "embeddings" in output ? output.embeddings : []);

test("answers a request that it has answered before without a worker, also where none is left", async () => {
  await using deployment = await Deployment.open(reusing);
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const first = await api.ended((await api.submit(sentiment)).id);
  expect(first).toMatchObject({ status: "succeeded", cached: false, attempts: 1 });
  await worker.kill();
  const hit = await api.submit(sentiment);
  expect(hit).toMatchObject({ status: "succeeded", cached: true, attempts: 0, output: first.output });
  expect(hit.usage).toEqual({ ...first.usage, cached_tokens: first.usage?.prompt_tokens });
  const { follower } = await follow(`${api.process.ready.url}/v1/jobs/${hit.id}/events`);
  expect(follower).toMatchObject({ text: textOf(first), job: hit });
  expect(await api.submit({ ...sentiment, reuse: false })).toMatchObject({ status: "queued", cached: false });
});

test("computes what many ask for at once a single time, also when its worker is killed over it", async () => {
  await using deployment = await Deployment.open(reusing);
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("dispatcher")]);
  const leader = await api.submit(longJob);
  await api.until(leader.id, decoding(1));
  // What it had made is stored; nothing more is, while the others come.
  worker.child.kill("SIGSTOP");
  const jobs = [leader, ...(await Promise.all(Array.from({ length: 149 }, () => api.submit(longJob))))];
  expect(new Set(jobs.slice(1).map(({ status, cached }) => `${status} ${cached}`))).toEqual(new Set(["queued false"]));
  await worker.kill();
  await deployment.start("worker");
  const ended = await Promise.all(jobs.map(({ id }) => api.ended(id)));
  expect(new Set(ended.map((job) => `${job.status} ${textOf(job)}`)).size).toBe(1);
  expect(ended.filter(({ cached }) => !cached).map(({ id, attempts }) => [id, attempts])).toEqual([[leader.id, 2]]);
  expect(ended.filter(({ cached, attempts }) => cached && attempts === 0)).toHaveLength(149);
});

test("goes on with another where the one that is computed for others is cancelled", async () => {
  await using deployment = await Deployment.open(reusing);
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const [leader, next, last] = [await api.submit(longJob), await api.submit(longJob), await api.submit(longJob)];
  await api.until(leader.id, decoding(1));
  await api.call("POST", `/v1/jobs/${leader.id}/cancel`);
  expect(await api.ended(leader.id)).toMatchObject({ status: "cancelled", cached: false });
  expect(await api.ended(next.id)).toMatchObject({ status: "succeeded", cached: false });
  expect(await api.ended(last.id)).toMatchObject({ status: "succeeded", cached: true });
});

test("embeds each text once", async () => {
  await using deployment = await Deployment.open(reusing);
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const embed = async (...input: string[]) => api.ended((await api.submit({ input })).id);
  const first = await embed("a lamp", "a table");
  const second = await embed("a table", "a chair");
  const [lamp, table] = vectorsOf(first);
  expect(second).toMatchObject({ status: "succeeded", cached: false, attempts: 1 });
  expect(vectorsOf(second)[0]).toEqual(table);
  const alone = await api.ended((await api.submit({ input: ["a table"], reuse: false })).id);
  expect(vectorsOf(alone)[0]).toEqual(table);
  expect(second.usage?.cached_tokens).toBe(alone.usage?.prompt_tokens);
  await worker.kill();
  const hit = await api.submit({ input: ["a chair", "a lamp"] });
  expect(hit).toMatchObject({ status: "succeeded", cached: true, attempts: 0 });
  expect(vectorsOf(hit)).toEqual([vectorsOf(second)[1], lamp]);
  const tokens = hit.usage?.prompt_tokens ?? 0;
  expect(hit.usage).toEqual({ prompt_tokens: tokens, cached_tokens: tokens, completion_tokens: 0, total_tokens: tokens });
});
