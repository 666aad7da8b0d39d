import type { Delivery, Job, WebhookEndpoint, WebhookEndpointWithSecret } from "@llamero/core";
import { answering } from "@llamero/testkit";
import { AddressGuard } from "@llamero/webhooks";
import { describe, expect, it } from "vitest";
import { errorOf } from "./expect-error.ts";
import { useApi } from "./harness.ts";
import { StandInDispatcher } from "./stand-in-dispatcher.ts";

const api = useApi();
const url = "https://hooks.example/llamero";
const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const defaults = ["job.succeeded", "job.failed", "job.cancelled", "job.expired"];

async function create(body: object = {}): Promise<WebhookEndpointWithSecret> {
  const response = await api.post("/v1/webhook-endpoints", { url, ...body });
  expect(response.status, await response.clone().text()).toBe(201);
  return (await response.json()) as WebhookEndpointWithSecret;
}

async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  const init = body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await api.request(`/v1/webhook-endpoints${path}`, { method, ...init });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
  return (await response.json()) as T;
}

describe("webhook endpoints", () => {
  it("are created with defaults and a secret that is shown this once", async () => {
    const response = await api.post("/v1/webhook-endpoints", { url });
    const { secret: shown, ...endpoint } = (await response.json()) as WebhookEndpointWithSecret;
    expect(response.headers.get("location")).toBe(`/v1/webhook-endpoints/${endpoint.id}`);
    expect(shown).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(endpoint).toEqual({
      id: expect.stringMatching(/^whep_[0-9a-z]{26}$/),
      object: "webhook_endpoint",
      url,
      events: [...defaults, "batch.completed", "batch.failed", "batch.expired", "batch.cancelled"],
      payload: "full",
      description: null,
      status: "enabled",
      disabled_reason: null,
      breaker: { state: "closed", failures: 0, open_until: null },
      previous_secret_valid_until: null,
      created_at: expect.any(String),
    });
    expect(await ask("GET", `/${endpoint.id}`)).toEqual(endpoint);
    expect(await ask("GET", "")).toEqual({ object: "list", data: [endpoint] });
  });

  it("take all that they are given", async () => {
    const wish = { events: ["job.started"], payload: "thin", description: "mine" };
    expect(await create({ ...wish, secret })).toMatchObject({ ...wish, secret });
  });

  it("keep a secret that is given without its prefix with it", async () => {
    expect((await create({ secret: secret.replace("whsec_", "") })).secret).toBe(secret);
  });

  it("rotate their secret and say until when the one before is valid", async () => {
    const { id, secret: first } = await create();
    const made = await ask<WebhookEndpointWithSecret>("POST", `/${id}/rotate`, { previous_valid_seconds: 60 });
    expect(made.secret).not.toBe(first);
    expect(Date.parse(made.previous_secret_valid_until ?? "") - Date.now()).toBeGreaterThan(50_000);
    const given = await ask<WebhookEndpointWithSecret>("POST", `/${id}/rotate`, { secret, previous_valid_seconds: 0 });
    expect(given).toMatchObject({ secret, previous_secret_valid_until: null });
    expect((await api.store.webhooks.getEndpoint({ owner: "local", id }))?.secrets[0]).toEqual({ secret, validUntilMs: null });
  });

  it("are disabled, refuse tests then, and are enabled again", async () => {
    const { id } = await create();
    expect(await ask("POST", `/${id}/disable`)).toMatchObject({ status: "disabled", disabled_reason: "by_owner" });
    const refused = await errorOf(await api.post(`/v1/webhook-endpoints/${id}/test`));
    expect(refused).toMatchObject({ status: 409, code: "webhook_endpoint_disabled" });
    expect(await ask("POST", `/${id}/enable`)).toMatchObject({ status: "enabled", disabled_reason: null });
  });

  it("show how their circuit breaker stands", async () => {
    const { id } = await create();
    const dispatcher = new StandInDispatcher(api.store);
    for (let failures = 1; failures <= 10; failures++) {
      const [delivery] = await dispatcher.open(await api.submit(), "job.succeeded");
      await dispatcher.attempt(delivery ?? expect.fail("nothing was opened"), "dead");
      const { breaker } = await ask<WebhookEndpoint>("GET", `/${id}`);
      expect(breaker).toMatchObject({ state: failures < 10 ? "closed" : "open", failures });
    }
    const { data } = await ask<{ data: WebhookEndpoint[] }>("GET", "");
    expect(Date.parse(data[0]?.breaker.open_until ?? "") - Date.now()).toBeGreaterThan(5_000);
  });

  it("send a test event that waits for its dispatcher", async () => {
    const { id } = await create({ events: ["job.failed"] });
    const delivery = await ask<Delivery>("POST", `/${id}/test`);
    expect(delivery).toMatchObject({
      object: "delivery",
      event: "webhook.test",
      job_id: null,
      endpoint_id: id,
      url,
      status: "pending",
      attempts: [],
    });
  });

  it("are deleted, and what waits for them is discarded", async () => {
    const { id } = await create();
    const { id: pending } = await ask<Delivery>("POST", `/${id}/test`);
    expect(await ask("DELETE", `/${id}`)).toEqual({ id, object: "webhook_endpoint", deleted: true });
    expect(await errorOf(await api.request(`/v1/webhook-endpoints/${id}`))).toMatchObject({ status: 404 });
    expect(await (await api.request(`/v1/deliveries/${pending}`)).json()).toMatchObject({ status: "discarded" });
    expect(await ask("GET", "")).toEqual({ object: "list", data: [] });
  });

  it("are at most 32 per owner, also when they are created all at once", async () => {
    const statuses = await Promise.all(
      Array.from({ length: 40 }, async () => (await api.post("/v1/webhook-endpoints", { url })).status),
    );
    expect(statuses.toSorted()).toEqual([...Array(32).fill(201), ...Array(8).fill(409)]);
    const refused = await errorOf(await api.post("/v1/webhook-endpoints", { url }));
    expect(refused).toMatchObject({ status: 409, code: "too_many_webhook_endpoints" });
    const { data } = await ask<{ data: WebhookEndpoint[] }>("GET", "");
    await ask("DELETE", `/${data[0]?.id}`);
    await create();
  });

  it.each([
    ["events", { events: [] }],
    ["events", { events: ["job.started", "job.started"] }],
    ["events.0", { events: ["job.exploded"] }],
    ["payload", { payload: "fat" }],
    ["secret", { secret: "hunter2" }],
    ["secret", { secret: `whsec_${"A".repeat(31)}` }],
    ["description", { description: "x".repeat(257) }],
    ["url", { url: "" }],
    ["url", { url: 5 }],
    ["colour", { colour: "red" }],
  ])("say which field is at fault: %s", async (param, body) => {
    const error = await errorOf(await api.post("/v1/webhook-endpoints", { url, ...body }));
    expect(error).toMatchObject({ status: 400, param });
    expect(error.message).not.toMatch(/hunter2|AAAA/);
  });

  it.each([
    ["previous_valid_seconds", { previous_valid_seconds: -1 }],
    ["previous_valid_seconds", { previous_valid_seconds: 604_801 }],
    ["previous_valid_seconds", { previous_valid_seconds: 1.5 }],
    ["secret", { secret: "hunter2" }],
  ])("rotate nothing when %s is at fault", async (param, body) => {
    const { id } = await create();
    const error = await errorOf(await api.post(`/v1/webhook-endpoints/${id}/rotate`, body));
    expect(error).toMatchObject({ status: 400, param });
    expect(await ask("GET", `/${id}`)).toMatchObject({ previous_secret_valid_until: null });
  });
});

/** The package has all notations; these come through HTTP. */
const hostile = [
  ["http://hooks.example/", /must begin with https/],
  ["ftp://hooks.example/", /must begin with https/],
  ["//hooks.example/", /must begin with https/],
  ["https://user:hunter2@hooks.example/", /user name or password/],
  ["https://hooks.example/#fragment", /fragment/],
  ["https://hooks.example:6379/", /a port other than/],
  ["https://127.0.0.1/", /a loopback address/],
  ["https://0x7f.1/", /a loopback address/],
  ["https://2130706433/", /a loopback address/],
  ["https://[::ffff:169.254.169.254]/", /a link-local address/],
  ["https://169.254.169.254/latest/meta-data", /a link-local address/],
  ["https://10.0.0.1/", /a private address/],
  ["https://[64:ff9b::8.8.8.8]/", /a NAT64 address/],
  ["https://localhost/", /a loopback address/],
  ["https://inside.example/", /a private address/],
  ["https://hooks.example\\@inside.example/", /backslashes/],
  ["https://hooks.example./", /ends with a dot/],
  [`https://hooks.example/${"x".repeat(2_048)}`, /2048|too big/i],
] as const;

describe("a hostile URL", () => {
  it.each(hostile)("%.60s is refused for a job and for an endpoint, with the reason", async (hostileUrl, reason) => {
    const job = await errorOf(await api.post("/v1/jobs", { prompt: "a", webhook: { url: hostileUrl } }));
    const endpoint = await errorOf(await api.post("/v1/webhook-endpoints", { url: hostileUrl }));
    expect(job).toMatchObject({
      status: 400,
      code: "invalid_request",
      param: "webhook.url",
      message: expect.stringMatching(reason),
    });
    expect(endpoint).toMatchObject({
      status: 400,
      code: "invalid_request",
      param: "url",
      message: expect.stringMatching(reason),
    });
    expect(job.message).not.toMatch(/hunter2|10\.0\.0\.5|x{100}/);
    expect(await (await api.request("/v1/jobs")).json()).toMatchObject({ data: [] });
  });
});

describe("a job's webhook", () => {
  it("is shown with its defaults and without its secret", async () => {
    const job = await api.submit({ prompt: "a", webhook: { url, secret } });
    expect(job.webhook).toEqual({ url, events: defaults, payload: "full" });
    expect((await api.job(job.id)).webhook).toEqual(job.webhook);
    expect((await api.submit()).webhook).toBeNull();
  });

  it("is kept by a retry, secret included", async () => {
    api.worker.script = answering;
    const webhook = { url, secret, events: ["job.failed" as const], payload: "thin" as const };
    const old = await api.submit({ prompt: "a", webhook }, { prefer: "wait=20" });
    const job = (await (await api.post(`/v1/jobs/${old.id}/retry`)).json()) as Job;
    expect(job.webhook).toEqual(old.webhook);
    expect((await api.store.getRecord({ id: job.id, owner: "local" }))?.hook).toEqual(webhook);
  });

  it("makes the same call for the same Idempotency-Key only when it is the same", async () => {
    const key = { "idempotency-key": "once" };
    const first = await api.submit({ prompt: "a", webhook: { url } }, key);
    expect((await api.submit({ prompt: "a", webhook: { url } }, key)).id).toBe(first.id);
    const other = await api.post("/v1/jobs", { prompt: "a", webhook: { url: `${url}/2` } }, key);
    expect(await errorOf(other)).toMatchObject({ status: 409, code: "idempotency_conflict" });
  });

  it("is accepted when its host cannot be resolved now", async () => {
    expect((await api.submit({ prompt: "a", webhook: { url: "https://nowhere.example/" } })).status).toBe("queued");
  });

  it("is accepted within about a second when DNS does not answer, and at once after that", async () => {
    const hanging = await api.replica({ webhooks: { resolve: () => new Promise(() => {}) } });
    const startedAt = performance.now();
    await hanging.submit({ prompt: "a", webhook: { url } });
    const firstMs = performance.now() - startedAt;
    await hanging.submit({ prompt: "b", webhook: { url } });
    const secondMs = performance.now() - startedAt - firstMs;
    expect(firstMs).toBeGreaterThan(900);
    expect(firstMs).toBeLessThan(2_000);
    expect(secondMs).toBeLessThan(500);
  });

  it("needs a secret of its own where the deployment has none", async () => {
    const without = await api.replica({ webhooks: { hasSecret: false } });
    const refused = await errorOf(await without.post("/v1/jobs", { prompt: "a", webhook: { url } }));
    expect(refused).toMatchObject({
      status: 400,
      param: "webhook.secret",
      message: expect.stringContaining("LLAMERO_WEBHOOK_SECRET"),
    });
    await without.submit({ prompt: "a", webhook: { url, secret } });
  });

  it("may be inside where the deployment allows it", async () => {
    const open = await api.replica({ webhooks: { guard: new AddressGuard({ allow: ["10.0.0.0/8"] }), allowHttp: true } });
    await open.submit({ prompt: "a", webhook: { url: "http://inside.example:8080/" } });
    const refused = await errorOf(await open.post("/v1/jobs", { prompt: "a", webhook: { url: "http://192.168.0.1:8080/" } }));
    expect(refused).toMatchObject({ status: 400, param: "webhook.url" });
  });
});

it("no answer but the one that makes a secret, and no log line, shows it", async () => {
  api.worker.script = answering;
  const own = secret.replace("whsec_", "");
  const job = await api.submit({ prompt: "a", webhook: { url, secret } }, { prefer: "wait=20" });
  const retried = (await (await api.post(`/v1/jobs/${job.id}/retry`)).json()) as Job;
  const endpoint = await create();
  const rotated = await ask<WebhookEndpointWithSecret>("POST", `/${endpoint.id}/rotate`, {});
  const { id: delivery } = await ask<Delivery>("POST", `/${endpoint.id}/test`);
  const path = `/v1/webhook-endpoints/${endpoint.id}`;
  const calls: [string, string, unknown?][] = [
    ["GET", "/v1/jobs"],
    ["GET", `/v1/jobs/${job.id}`],
    ["GET", `/v1/jobs/${retried.id}?wait=5`],
    ["GET", `/v1/jobs/${job.id}/events`],
    ["GET", "/v1/webhook-endpoints"],
    ["GET", path],
    ["POST", `${path}/disable`],
    ["POST", `${path}/enable`],
    ["GET", "/v1/deliveries"],
    ["GET", `/v1/deliveries/${delivery}`],
    ["POST", "/v1/jobs", { prompt: "a", webhook: { url: "https://10.0.0.1/", secret } }],
    ["POST", "/v1/jobs", { prompt: "a", webhook: { url, secret: `${secret}!` } }],
    ["POST", "/v1/webhook-endpoints", { url, secret: `${secret}!` }],
    ["POST", `${path}/rotate`, { secret: `${secret}!` }],
    ["POST", "/v1/webhook-endpoints", { url: "https://10.0.0.1/", secret }],
    ["DELETE", path],
  ];
  const texts = [JSON.stringify(job), JSON.stringify(retried)];
  for (const [method, at, body] of calls) {
    const init = body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    texts.push(await (await api.request(at, { method, ...init })).text());
  }
  const seen = [...texts, ...api.logs].join("\n");
  for (const hidden of [own, endpoint.secret, rotated.secret].map((text) => text.replace("whsec_", "")))
    expect(seen).not.toContain(hidden.slice(0, 20));
  expect(seen).not.toContain("whsec_A");
});
