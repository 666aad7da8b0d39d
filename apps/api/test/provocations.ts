import { answering } from "@llamero/testkit";
import { MAX_ENDPOINTS } from "../src/webhook-endpoints.ts";
import { anthropicProvocations } from "./anthropic-provocations.ts";
import { fileProvocations } from "./file-provocations.ts";
import { type Harness, jsonType } from "./harness.ts";
import { openAiProvocations } from "./openai-provocations.ts";
import { operatorProvocations } from "./operator-provocations.ts";
import { scheduleProvocations } from "./schedule-provocations.ts";
import { StandInDispatcher } from "./stand-in-dispatcher.ts";

export interface Request {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Operation → status → a request that is answered so. */
export type Provocations = Record<string, Record<number, () => Request | Promise<Request>>>;

/** How every documented answer is provoked, but for those that every route has. `openapi.json` and this must agree. */
export function provocations(api: Harness): Provocations {
  const none = `job_${"0".repeat(26)}`;
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

  const settings = "/v1/admin/settings";
  const noKey = "/v1/admin/keys/000000000000";
  /** With it, a request is an administrator's, also once there is a key. */
  async function admin(): Promise<Record<string, string>> {
    const { key } = await api.store.apiKeys.create({ by: "test", owner: "ops", name: "", nowMs: 1, scopes: ["admin"] });
    return { authorization: `Bearer ${key}` };
  }
  async function onKey(rest: string, { isRevoked = false } = {}): Promise<Request> {
    const { record } = await api.store.apiKeys.create({ by: "test", owner: "alice", name: "", nowMs: 1 });
    if (isRevoked) await api.store.apiKeys.revoke(record.id, { by: "test", nowMs: 1 });
    return withBody(`/v1/admin/keys/${record.id}${rest}`, {}, await admin());
  }

  return {
    createApiKey: {
      201: () => withBody("/v1/admin/keys", { owner: "alice" }),
      413: () => withBody("/v1/admin/keys", {}, { "content-length": "20000000" }),
      415: () => withBody("/v1/admin/keys", {}, { "content-type": "text/plain" }),
    },
    listApiKeys: { 200: async () => ({ method: "GET", path: "/v1/admin/keys", headers: await admin() }) },
    limitApiKey: {
      200: () => onKey("/limits"),
      404: () => withBody(`${noKey}/limits`),
      413: () => withBody(`${noKey}/limits`, {}, { "content-length": "20000000" }),
      415: () => withBody(`${noKey}/limits`, {}, { "content-type": "text/plain" }),
    },
    rotateApiKey: {
      200: () => onKey("/rotate"),
      404: () => withBody(`${noKey}/rotate`),
      409: () => onKey("/rotate", { isRevoked: true }),
      413: () => withBody(`${noKey}/rotate`, {}, { "content-length": "20000000" }),
      415: () => withBody(`${noKey}/rotate`, {}, { "content-type": "text/plain" }),
    },
    revokeApiKey: {
      200: async () => ({ ...(await onKey("/revoke")), body: "" }),
      404: () => ({ method: "POST", path: `${noKey}/revoke` }),
    },
    ...openAiProvocations(api, withBody),
    ...fileProvocations(api, withBody),
    ...scheduleProvocations(api, withBody),
    ...anthropicProvocations(api, withBody),
    ...operatorProvocations(api, withBody),
    getModel: {
      200: () => ({ method: "GET", path: "/v1/models/tiny" }),
      404: () => ({ method: "GET", path: "/v1/models/none" }),
    },
    getSettings: { 200: () => ({ method: "GET", path: settings }) },
    listSettingsHistory: { 200: () => ({ method: "GET", path: `${settings}/history` }) },
    getReuse: { 200: () => ({ method: "GET", path: "/v1/admin/reuse" }) },
    forgetAnswers: { 200: () => ({ method: "DELETE", path: "/v1/admin/reuse" }) },
    listAudit: { 200: () => ({ method: "GET", path: "/v1/admin/audit" }) },
    changeSettings: {
      200: () => withBody(settings, { settings: { weights: { alice: 2 } } }),
      409: () => withBody(settings, { settings: {}, if_version: 99 }),
      413: () => withBody(settings, {}, { "content-length": "20000000" }),
      415: () => withBody(settings, {}, { "content-type": "text/plain" }),
    },
    rollbackSettings: {
      200: () => withBody(`${settings}/rollback`, { version: 0 }),
      404: () => withBody(`${settings}/rollback`, { version: 99 }),
      413: () => withBody(`${settings}/rollback`, {}, { "content-length": "20000000" }),
      415: () => withBody(`${settings}/rollback`, {}, { "content-type": "text/plain" }),
    },
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
}
