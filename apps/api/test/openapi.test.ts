import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { routes } from "../src/routes/index.ts";
import { MAX_ENDPOINTS } from "../src/webhook-endpoints.ts";
import { checkError } from "./expect-error.ts";
import { jsonType, useApi } from "./harness.ts";
import { answerSchema, answerType, type Document, documentSchema, operations, refsOf } from "./openapi-document.ts";
import { StandInDispatcher } from "./stand-in-dispatcher.ts";
import { answering } from "./stand-in-worker.ts";

const api = useApi({ maxWaiting: 30 });
let document: Document;

beforeAll(async () => {
  const response = await api.request("/openapi.json");
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  document = documentSchema.parse(await response.json());
});

interface Request {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

const none = `job_${"0".repeat(26)}`;
const host = { host: "evil.example" };
const submission = '{"prompt":"a"}';
const post = (headers: Record<string, string> = {}, body = submission): Request => ({
  method: "POST",
  path: "/v1/jobs",
  headers: { ...jsonType, ...headers },
  body,
});

async function ended(): Promise<string> {
  api.worker.script = answering;
  return (await api.submit({ prompt: "a", metadata: { a: "b" } }, { prefer: "wait=20" })).id;
}

const waiting = async () => (await api.submit()).id;

const noEndpoint = `/v1/webhook-endpoints/whep_${"0".repeat(26)}`;
const noDelivery = `/v1/deliveries/dlv_${"0".repeat(26)}`;
const withBody = (path: string, body: object = {}, headers: Record<string, string> = {}): Request => ({
  method: "POST",
  path,
  headers: { ...jsonType, ...headers },
  body: JSON.stringify(body),
});
const webhook = { url: "https://hooks.example/" };
const newEndpoint = withBody("/v1/webhook-endpoints", webhook);

async function endpoint(): Promise<string> {
  const response = await api.request(newEndpoint.path, newEndpoint);
  return response.headers.get("location") ?? "";
}

async function delivery(outcome?: "delivered" | "dead"): Promise<string> {
  const dispatcher = new StandInDispatcher(api.store);
  const [opened] = await dispatcher.open(await api.submit({ prompt: "a", webhook }), "job.succeeded");
  if (opened === undefined) throw new Error("nothing was opened");
  if (outcome !== undefined) await dispatcher.attempt(opened, outcome);
  return `/v1/deliveries/${opened.id}`;
}

/** How every documented answer is provoked, but for those that every route has. `openapi.json` and this must agree. */
const provoke: Record<string, Record<number, () => Request | Promise<Request>>> = {
  submitJob: {
    200: () => {
      api.worker.script = answering;
      return post({ prefer: "wait=20" });
    },
    202: () => post(),
    404: () => post({}, '{"prompt":"a","model":"none"}'),
    409: async () => {
      await api.submit({ prompt: "b" }, { "idempotency-key": "k" });
      return post({ "idempotency-key": "k" });
    },
    413: () => post({ "content-length": "20000000" }),
    415: () => post({ "content-type": "text/plain" }),
    429: () => api.fill().then(() => post()),
  },
  listJobs: {
    200: async () => {
      for (const body of [{ input: ["a"] }, { prompt: "a", delay_ms: 9_000, type: "completion" }]) await api.submit(body);
      await api.post(`/v1/jobs/${await waiting()}/cancel`);
      await ended();
      return { method: "GET", path: "/v1/jobs?limit=100" };
    },
    404: () => ({ method: "GET", path: "/v1/jobs?model=none" }),
  },
  getJob: {
    200: async () => ({ method: "GET", path: `/v1/jobs/${await ended()}` }),
    404: () => ({ method: "GET", path: `/v1/jobs/${none}` }),
  },
  followJob: {
    200: async () => ({ method: "GET", path: `/v1/jobs/${await ended()}/events` }),
    204: async () => ({ method: "GET", path: `/v1/jobs/${await ended()}/events?after=1-0-succeeded` }),
    404: () => ({ method: "GET", path: `/v1/jobs/${none}/events` }),
  },
  cancelJob: {
    200: async () => ({ method: "POST", path: `/v1/jobs/${await waiting()}/cancel` }),
    404: () => ({ method: "POST", path: `/v1/jobs/${none}/cancel` }),
  },
  retryJob: {
    202: async () => ({ method: "POST", path: `/v1/jobs/${await ended()}/retry` }),
    404: () => ({ method: "POST", path: `/v1/jobs/${none}/retry` }),
    409: async () => ({ method: "POST", path: `/v1/jobs/${await waiting()}/retry` }),
    429: async () => {
      const path = `/v1/jobs/${await ended()}/retry`;
      return api.fill().then(() => ({ method: "POST", path }));
    },
  },
  retryJobs: {
    202: async () => {
      await api.post(`/v1/jobs/${await waiting()}/cancel`);
      return { ...post({}, '{"status":"cancelled"}'), path: "/v1/jobs/retry" };
    },
    404: () => ({ ...post({}, '{"model":"none"}'), path: "/v1/jobs/retry" }),
    413: () => ({ ...post({ "content-length": "20000000" }), path: "/v1/jobs/retry" }),
    415: () => ({ ...post({ "content-type": "text/plain" }), path: "/v1/jobs/retry" }),
    429: async () => {
      await api.post(`/v1/jobs/${await waiting()}/cancel`);
      return api.fill().then(() => ({ ...post({}, '{"status":"cancelled"}'), path: "/v1/jobs/retry" }));
    },
  },
  deleteJob: {
    200: async () => ({ method: "DELETE", path: `/v1/jobs/${await ended()}` }),
    404: () => ({ method: "DELETE", path: `/v1/jobs/${none}` }),
    409: async () => ({ method: "DELETE", path: `/v1/jobs/${await waiting()}` }),
  },
  createWebhookEndpoint: {
    201: () => newEndpoint,
    409: async () => {
      for (let count = 0; count < MAX_ENDPOINTS; count++) await endpoint();
      return newEndpoint;
    },
    413: () => withBody("/v1/webhook-endpoints", {}, { "content-length": "20000000" }),
    415: () => withBody("/v1/webhook-endpoints", {}, { "content-type": "text/plain" }),
  },
  listWebhookEndpoints: {
    200: async () => {
      await endpoint();
      return { method: "GET", path: "/v1/webhook-endpoints" };
    },
  },
  getWebhookEndpoint: {
    200: async () => ({ method: "GET", path: await endpoint() }),
    404: () => ({ method: "GET", path: noEndpoint }),
  },
  rotateWebhookSecret: {
    200: async () => withBody(`${await endpoint()}/rotate`),
    404: () => withBody(`${noEndpoint}/rotate`),
    413: () => withBody(`${noEndpoint}/rotate`, {}, { "content-length": "20000000" }),
    415: () => withBody(`${noEndpoint}/rotate`, {}, { "content-type": "text/plain" }),
  },
  disableWebhookEndpoint: {
    200: async () => ({ method: "POST", path: `${await endpoint()}/disable` }),
    404: () => ({ method: "POST", path: `${noEndpoint}/disable` }),
  },
  enableWebhookEndpoint: {
    200: async () => ({ method: "POST", path: `${await endpoint()}/enable` }),
    404: () => ({ method: "POST", path: `${noEndpoint}/enable` }),
  },
  testWebhookEndpoint: {
    202: async () => ({ method: "POST", path: `${await endpoint()}/test` }),
    404: () => ({ method: "POST", path: `${noEndpoint}/test` }),
    409: async () => {
      const path = await endpoint();
      await api.post(`${path}/disable`);
      return { method: "POST", path: `${path}/test` };
    },
  },
  deleteWebhookEndpoint: {
    200: async () => ({ method: "DELETE", path: await endpoint() }),
    404: () => ({ method: "DELETE", path: noEndpoint }),
  },
  listDeliveries: {
    200: async () => {
      await delivery("dead");
      await delivery();
      return { method: "GET", path: "/v1/deliveries" };
    },
  },
  redeliverFailed: {
    202: async () => {
      await delivery("dead");
      return withBody("/v1/deliveries/redeliver", { since: "2026-01-01T00:00:00Z" });
    },
    404: () => withBody("/v1/deliveries/redeliver", { since: "2026-01-01T00:00:00Z", endpoint_id: "none" }),
    413: () => withBody("/v1/deliveries/redeliver", {}, { "content-length": "20000000" }),
    415: () => withBody("/v1/deliveries/redeliver", {}, { "content-type": "text/plain" }),
  },
  getDelivery: {
    200: async () => ({ method: "GET", path: await delivery("delivered") }),
    404: () => ({ method: "GET", path: noDelivery }),
  },
  redeliver: {
    202: async () => ({ method: "POST", path: `${await delivery("dead")}/redeliver` }),
    404: () => ({ method: "POST", path: `${noDelivery}/redeliver` }),
    409: async () => ({ method: "POST", path: `${await delivery()}/redeliver` }),
  },
  listModels: { 200: () => ({ method: "GET", path: "/v1/models" }) },
  livez: { 200: () => ({ method: "GET", path: "/livez" }) },
  readyz: { 200: () => ({ method: "GET", path: "/readyz" }) },
};

const send = ({ method, path, ...init }: Request) => api.request(path, { method, ...init });

async function check(operationId: string, status: number, response: Response): Promise<void> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  const type = answerType(document, operationId, status);
  expect(response.headers.get("content-type")?.split(";")[0] ?? null).toBe(type);
  if (type === "application/json") answerSchema(document, operationId, status).parse(JSON.parse(text));
  if (status >= 400) checkError({ status, headers: response.headers, text });
}

describe("the document", () => {
  it("describes every route, and nothing else", () => {
    const described = operations(document).map(({ method, path }) => `${method} ${path}`);
    expect(described.toSorted()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).toSorted());
  });

  it("gives every operation an id of its own, a summary, a tag that exists and responses", () => {
    const all = operations(document);
    expect(new Set(all.map(({ operation }) => operation.operationId)).size).toBe(all.length);
    const tags = document.tags.map(({ name }) => name);
    for (const { operation } of all) {
      expect(tags).toEqual(expect.arrayContaining(operation.tags));
      expect(Object.keys(operation.responses).some((status) => status.startsWith("2"))).toBe(true);
    }
  });

  it("declares each path's parameters, once", () => {
    for (const { path, operation } of operations(document)) {
      const inPath = operation.parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
      expect(inPath).toEqual(Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name));
      const names = operation.parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it("has all that it refers to, and refers to nothing outside", () => {
    const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(known).toEqual(expect.arrayContaining(refsOf(document)));
  });

  it("says by its schemas what is refused and what is taken", () => {
    const { SubmitJob } = document.components.schemas;
    expect(SubmitJob).toMatchObject({
      additionalProperties: false,
      properties: { params: { $ref: "#/components/schemas/Params" } },
    });
  });

  it("would notice an answer that is not as it says", async () => {
    const job = await api.submit();
    const schema = answerSchema(document, "getJob", 200);
    expect(schema.safeParse(job).success).toBe(true);
    for (const wrong of [
      { ...job, status: "lost" },
      { ...job, attempts: "1" },
      { ...job, created_at: 5 },
      { ...job, usage: {} },
      { ...job, id: undefined },
    ])
      expect(schema.safeParse(wrong).success).toBe(false);
    expect(z.object({}).safeParse(job).success).toBe(true);
  });
});

describe.each(routes.map((route) => [route.operationId, route] as const))("%s", (operationId, route) => {
  const statuses = () =>
    Object.keys(operations(document).find((entry) => entry.operation.operationId === operationId)?.operation.responses ?? {}).map(
      Number,
    );
  const documented = (status: number) => statuses().includes(status);
  const some = () => Object.values(provoke[operationId] ?? {})[0]?.() ?? { method: "GET", path: "/" };

  it("answers with every status that the document lists, as the document says", async () => {
    const own = provoke[operationId] ?? {};
    const shared = [400, 401, 403, 503];
    expect(statuses().filter((status) => !shared.includes(status))).toEqual(Object.keys(own).map(Number));
    for (const [status, request] of Object.entries(own)) {
      await api.reset();
      await check(operationId, Number(status), await send(await request()));
    }
  });

  it("answers 400 as documented", async () => {
    const request = await some();
    await check(operationId, 400, await send({ ...request, path: `${request.path.split("?")[0]}?nonsense=1` }));
  });

  it("answers 401 and 403 as documented, or to everybody", async () => {
    const request = await some();
    const closed = await api.replica({ fixedKeys: [{ owner: "a", key: "a-secret" }] });
    const unknown = await closed.request(request.path, request);
    const foreign = await api.request(request.path, { ...request, headers: { ...request.headers, ...host } });
    expect([documented(401), documented(403)]).toEqual([route.isPublic !== true, route.isPublic !== true]);
    if (documented(401)) await check(operationId, 401, unknown);
    else expect(unknown.status).toBe(200);
    if (documented(403)) await check(operationId, 403, foreign);
    else expect(foreign.status).toBe(200);
  });

  it("answers 503 as documented while Redis is away", async () => {
    const request = await some();
    const alone = await api.replica();
    alone.disconnectRedis();
    const response = await alone.request(request.path, request);
    if (documented(503)) await check(operationId, 503, response);
    else expect(response.status).toBe(200);
  });
});
