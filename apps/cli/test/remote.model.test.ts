import type { Job } from "@llamero/core";
import { freePort, TcpProxy } from "@llamero/testkit";
import { expect, test, vi } from "vitest";
import { type Client, Deployment, decoding, logged, longJob, sentiment } from "./deployment.ts";

/** A deployment whose worker serves the bundled model twice: as `tiny` by itself, as `far` from another deployment. */
async function openBoth(settings: { far?: string; onlyFar?: boolean } = {}) {
  const { far = "slots=2", onlyFar = false } = settings;
  const back = await Deployment.open({ LLAMERO_SLOTS: "4" });
  const front = await Deployment.open({ LLAMERO_SLOTS: "2" });
  const [backApi] = await Promise.all([back.startApi(), back.start("worker")]);
  const proxy = await TcpProxy.start(backApi.process.ready.url ?? "");
  const spec = `far=http://127.0.0.1:${proxy.port}/v1?model=tiny&${far}`;
  const models = onlyFar ? spec : `models/tiny/tiny.gguf,${spec}`;
  const startWorker = () => front.start("worker", { LLAMERO_MODELS: models });
  const [api, worker] = await Promise.all([front.startApi(), startWorker(), front.start("dispatcher")]);
  return {
    api,
    worker,
    startWorker,
    proxy,
    [Symbol.asyncDispose]: async () => {
      await proxy.cut();
      await Promise.all([front, back].map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

const modelOf = async (api: Client, name: string) =>
  (await api.call("GET", `/v1/models/${name}`)).body as Record<string, unknown>;

/** Ages of a breaker: in tests it tries again soon. */
const BREAKER = { failures: 2, open_seconds: 0.3, most_open_seconds: 0.3 };

async function set(api: Client, settings: object): Promise<void> {
  expect((await api.call("POST", "/v1/admin/settings", { settings })).status).toBe(200);
}

const breakerOf = (api: Client, state: string) =>
  vi.waitFor(async () => expect(await modelOf(api, "far")).toMatchObject({ breaker: { state } }), {
    timeout: 20_000,
    interval: 20,
  });

test("one queue feeds a model of this machine and one that another server runs", async () => {
  await using both = await openBoth();
  const { api } = both;
  expect(await modelOf(api, "far")).toMatchObject({
    ...{ status: "ready", slots: 2, breaker: null, parameters: null, architecture: null },
    backend: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
  });
  const jobs = [];
  for (let i = 0; i < 6; i++) jobs.push(await api.submit({ ...sentiment, model: i % 2 === 0 ? "far" : "tiny" }));
  const ended = await Promise.all(jobs.map(({ id }) => api.ended(id)));
  expect(ended.map(({ status }) => status)).toEqual(Array(6).fill("succeeded"));
  const texts = new Set(ended.map(({ output }) => (output as { text: string }).text));
  expect(texts.size).toBe(1);
  expect(ended[0]).toMatchObject({
    model: "far",
    routing: null,
    usage: { completion_tokens: ended[1]?.usage?.completion_tokens },
  });
});

test("while the server is away its jobs wait and none fails; when it is back they run", async () => {
  await using both = await openBoth({ onlyFar: true });
  const { api, proxy } = both;
  await set(api, { breaker: BREAKER });
  await proxy.cut();
  const jobs = [];
  for (let i = 0; i < 8; i++) jobs.push(await api.submit({ ...sentiment, model: "far" }));
  await breakerOf(api, "open");
  // One of them may be trying just now.
  const { data } = (await api.call("GET", "/v1/jobs")).body as { data: Job[] };
  expect(data.map(({ finished_at }) => finished_at)).toEqual(Array(8).fill(null));
  await proxy.mend();
  const ended = await Promise.all(jobs.map(({ id }) => api.ended(id)));
  expect(ended.map(({ status }) => status)).toEqual(Array(8).fill("succeeded"));
  expect(await modelOf(api, "far")).toMatchObject({ breaker: null });
});

test("a job whose worker dies goes on with the server's answer at another worker", async () => {
  await using both = await openBoth({ onlyFar: true });
  const { api, worker, startWorker } = both;
  const whole = await api.ended((await api.submit({ ...longJob, model: "far" })).id);
  const job = await api.submit({ ...longJob, model: "far" });
  await api.until(job.id, decoding(1));
  await worker.kill();
  await startWorker();
  const ended = await api.ended(job.id);
  expect(ended).toMatchObject({ status: "succeeded", attempts: 2 });
  expect(ended.resumed_from).toBeGreaterThan(0);
  expect((ended.output as { text: string }).text).toBe((whole.output as { text: string }).text);
});

test("an alias falls back while the server is away, goes back when it is there, and tells so", async () => {
  await using both = await openBoth();
  const { api, proxy } = both;
  await set(api, { breaker: BREAKER, aliases: { chat: { targets: [{ model: "far" }], fallback: ["tiny"] } } });
  const submit = async () => api.ended((await api.submit({ ...sentiment, model: "chat" })).id);
  await vi.waitFor(async () => expect(await submit()).toMatchObject({ model: "far", routing: { alias: "chat", tried: [] } }));
  await proxy.cut();
  // What was sent there before the breaker opened goes on to the other, and so does what waits.
  const during = await Promise.all(Array.from({ length: 6 }, submit));
  expect(during.map(({ status, model }) => `${status} ${model}`)).toEqual(Array(6).fill("succeeded tiny"));
  expect(new Set(during.flatMap(({ routing }) => routing?.tried ?? []).map(({ model }) => model))).toEqual(new Set(["far"]));
  await proxy.mend();
  await vi.waitFor(async () => expect(await submit()).toMatchObject({ model: "far", status: "succeeded" }), { timeout: 20_000 });
});

test("a server that hangs is given up by the alias's time", async () => {
  await using both = await openBoth({ far: "slots=2&silent=60" });
  const { api, proxy } = both;
  await set(api, { aliases: { chat: { targets: [{ model: "far" }], fallback: ["tiny"], timeout_seconds: 0.5 } } });
  await vi.waitFor(async () => {
    expect((await api.call("GET", "/v1/models/chat")).status).toBe(200);
  });
  proxy.freeze();
  const ended = await api.ended((await api.submit({ ...sentiment, model: "chat" })).id);
  expect(ended).toMatchObject({ status: "succeeded", model: "tiny", routing: { tried: [{ model: "far", code: "timeout" }] } });
});

test("a server that cannot be reached at the start is told, and the worker starts", async () => {
  const port = await freePort();
  await using deployment = await Deployment.open({ LLAMERO_MODELS: `far=http://127.0.0.1:${port}/v1?context=2048` });
  const [worker, api] = await Promise.all([deployment.start("worker"), deployment.startApi()]);
  await logged(worker, { model: "far", msg: `The server of far (127.0.0.1:${port}) cannot be reached: ECONNREFUSED.` });
  await vi.waitFor(async () => expect(await modelOf(api, "far")).toMatchObject({ context_length: 2048, status: "ready" }));
});

test.each([
  ["models/tiny/tiny.gguf,tiny=http://127.0.0.1:9/v1", 'Two models are named "tiny"'],
  ["far=http://127.0.0.1:9/v1?speed=9", "speed"],
  ["far=http://127.0.0.1:9/v1?key=NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE"],
])("LLAMERO_MODELS=%s does not start, with the reason", async (models, reason) => {
  await using deployment = await Deployment.open({ LLAMERO_MODELS: models });
  await expect(deployment.start("worker")).rejects.toThrow(reason);
});
