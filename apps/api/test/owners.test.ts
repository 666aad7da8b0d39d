import type { Delivery, Job } from "@llamero/core";
import { answering } from "@llamero/testkit";
import { describe, expect, it } from "vitest";
import { scopeOf } from "../src/route.ts";
import { routes } from "../src/routes/index.ts";
import { errorOf } from "./expect-error.ts";
import { jsonType, useApi } from "./harness.ts";
import { StandInDispatcher } from "./stand-in-dispatcher.ts";

const api = useApi({
  fixedKeys: [
    { owner: "alice", key: "alice-secret" },
    { owner: "bob", key: "bob-secret" },
  ],
});
const alice = { authorization: "Bearer alice-secret" };
const bob = { authorization: "Bearer bob-secret" };

async function listed(headers: Record<string, string>, query = ""): Promise<string[]> {
  const response = await api.request(`/v1/jobs${query}`, { headers });
  return ((await response.json()) as { data: Job[] }).data.map((job) => job.id);
}

const webhook = { url: "https://hooks.example/" };

async function made(path: string, body: object): Promise<{ id: string }> {
  return (await (await api.post(path, body, alice)).json()) as { id: string };
}

async function read(path: string, headers: Record<string, string> = alice): Promise<unknown> {
  return (await api.request(path, { headers })).json();
}

/** A delivery of a job of Alice's that has failed for good. */
async function aliceDelivery(): Promise<Delivery> {
  const dispatcher = new StandInDispatcher(api.store);
  const { id } = await api.submit({ prompt: "a", webhook }, alice);
  const [opened] = await dispatcher.open({ id, owner: "alice" }, "job.succeeded");
  if (opened === undefined) throw new Error("nothing was opened");
  await dispatcher.attempt(opened, "dead");
  return (await read(`/v1/deliveries/${opened.id}`)) as Delivery;
}

async function aliceFile(): Promise<string> {
  const form = new FormData();
  form.append("purpose", "batch");
  form.append("file", new Blob(["x"]), "input.jsonl");
  return ((await (await api.request("/v1/files", { method: "POST", headers: alice, body: form })).json()) as { id: string }).id;
}

/** Something of Alice's behind each path with an id, and the id of nothing of that kind. */
const things: Record<string, { none: string; make(): Promise<string> }> = {
  "/v1/jobs/": {
    none: `job_${"0".repeat(26)}`,
    make: async () => {
      api.worker.script = answering;
      return (await api.submit({ prompt: "a" }, { ...alice, prefer: "wait=10" })).id;
    },
  },
  "/v1/webhook-endpoints/": {
    none: `whep_${"0".repeat(26)}`,
    make: async () => (await made("/v1/webhook-endpoints", webhook)).id,
  },
  "/v1/responses/": {
    none: `resp_${"0".repeat(26)}`,
    make: async () => (await made("/v1/responses", { input: "a", background: true })).id,
  },
  "/v1/files/": { none: `file_${"0".repeat(26)}`, make: aliceFile },
  "/v1/batches/": {
    none: `batch_${"0".repeat(26)}`,
    make: async () => {
      const body = { input_file_id: await aliceFile(), endpoint: "/v1/embeddings", completion_window: "1h" };
      return (await made("/v1/batches", body)).id;
    },
  },
  "/v1/schedules/": {
    none: `sched_${"0".repeat(26)}`,
    make: async () => (await made("/v1/schedules", { cron: "0 2 * * *", job: { prompt: "a" } })).id,
  },
  "/v1/messages/batches/": {
    none: `msgbatch_${"0".repeat(26)}`,
    make: async () => {
      const params = { model: "tiny", max_tokens: 4, messages: [{ role: "user", content: "a" }] };
      return (await made("/v1/messages/batches", { requests: [{ custom_id: "a", params }] })).id;
    },
  },
  "/v1/deliveries/": { none: `dlv_${"0".repeat(26)}`, make: async () => (await aliceDelivery()).id },
};

const ownedRoutes = routes.filter(
  (route) => route.path.includes("{id}") && ["submit", "read"].includes(scopeOf(route)) && !route.path.startsWith("/v1/models/"),
);

describe("two owners", () => {
  it.each(ownedRoutes.map(({ method, path }) => [method.toUpperCase(), path]))(
    "%s %s is the same 404 for what is another's as for nothing, and leaves it as it is",
    async (method, path) => {
      const folder = path.slice(0, path.indexOf("{"));
      const { none, make } = things[folder] ?? {
        none: "",
        make: () => Promise.reject(new Error(`make something for ${folder}`)),
      };
      const id = await make();
      const before = await read(folder + id);
      const init = { method, headers: { ...bob, ...jsonType }, ...(method === "POST" ? { body: "{}" } : {}) };
      const ask = async (of: string) => errorOf(await api.request(path.replace("{id}", of), init));
      const [theirs, nothing] = [await ask(id), await ask(none)];
      expect(theirs.status).toBe(404);
      expect({ ...theirs, headers: null }).toEqual({ ...nothing, headers: null, message: nothing.message.replace(none, id) });
      expect(await read(folder + id)).toEqual(before);
    },
  );

  it("list only their own endpoints and deliveries, whatever they filter by, and send only their own again", async () => {
    const { id } = await made("/v1/webhook-endpoints", webhook);
    const delivery = await aliceDelivery();
    for (const path of [
      "/v1/webhook-endpoints",
      "/v1/deliveries",
      "/v1/deliveries?status=dead",
      `/v1/deliveries?job_id=${delivery.job_id}`,
      `/v1/deliveries?endpoint_id=${id}`,
    ])
      expect(await read(path, bob)).toMatchObject({ data: [] });
    const since = "2026-01-01T00:00:00Z";
    const all = await api.post("/v1/deliveries/redeliver", { since }, bob);
    expect(await all.json()).toMatchObject({ scheduled: 0 });
    const theirs = await errorOf(await api.post("/v1/deliveries/redeliver", { since, endpoint_id: id }, bob));
    expect(theirs).toMatchObject({ status: 404, param: "endpoint_id" });
    expect(await read(`/v1/deliveries/${delivery.id}`)).toEqual(delivery);
  });

  it("does not send one owner's events to another's endpoint", async () => {
    await made("/v1/webhook-endpoints", webhook);
    const his = await api.submit({ prompt: "a" }, bob);
    expect(await new StandInDispatcher(api.store).open({ id: his.id, owner: "bob" }, "job.succeeded")).toEqual([]);
  });

  it("does not let one owner cancel another's running job", async () => {
    const { id } = await api.submit({ prompt: "a" }, alice);
    const claim = await api.worker.take();
    expect((await api.request(`/v1/jobs/${id}/cancel`, { method: "POST", headers: bob })).status).toBe(404);
    expect(await api.worker.store.append(claim, 1, { tokens: [1], text: "x" })).toEqual({
      outcome: "appended",
      stop: null,
      isWatched: false,
    });
  });

  it("lists only one's own, under every filter and cursor", async () => {
    const body = { prompt: "a", metadata: { team: "x" } };
    const hers = await api.submit(body, alice);
    const his = await api.submit(body, bob);
    for (const query of ["", "?status=queued", "?model=tiny", "?metadata.team=x", "?limit=1&order=asc"]) {
      expect(await listed(alice, query)).toEqual([hers.id]);
      expect(await listed(bob, query)).toEqual([his.id]);
    }
    expect(await listed(bob, `?after=${hers.id}&order=asc`)).not.toContain(hers.id);
  });

  it("does not share Idempotency-Keys", async () => {
    const key = { "idempotency-key": "same" };
    const hers = await api.submit({ prompt: "a" }, { ...alice, ...key });
    const his = await api.submit({ prompt: "b" }, { ...bob, ...key });
    expect(his.id).not.toBe(hers.id);
    expect((await api.submit({ prompt: "a" }, { ...alice, ...key })).id).toBe(hers.id);
  });

  it("counts another's jobs in the position and shows nothing else of them", async () => {
    await api.submit({ prompt: "a" }, alice);
    const his = await api.submit({ prompt: "b" }, bob);
    expect((await api.job(his.id, "", bob)).position).toBe(2);
  });
});

describe("keys", () => {
  const denied = [
    ["no key", {}],
    ["an unknown key", { authorization: "Bearer nobody-knows" }],
    ["an unknown key of our form", { authorization: `Bearer llm_0123456789ab_${"a".repeat(32)}` }],
    ["a part of a key", { authorization: "Bearer alice-secre" }],
    ["another scheme", { authorization: "Basic YWxpY2U6c2VjcmV0" }],
    ["a bare key", { authorization: "alice-secret" }],
    ["two keys", { authorization: "Bearer alice-secret bob-secret" }],
    ["a very long key", { authorization: `Bearer ${"x".repeat(10_000)}` }],
  ] as const;

  it.each(denied)("answers 401 to %s on every route", async (_what, headers) => {
    const paths = ["/v1/jobs", "/v1/models", `/v1/jobs/job_${"0".repeat(26)}`];
    for (const path of paths) {
      const error = await errorOf(await api.request(path, { headers }));
      expect(error).toMatchObject({ status: 401, code: "unauthorized", type: "authentication_error" });
      expect(error.headers.get("www-authenticate")).toBe("Bearer");
      expect(error.message).not.toContain("alice");
    }
    expect((await errorOf(await api.post("/v1/jobs", { prompt: "a" }, headers))).status).toBe(401);
  });

  it("needs no key for the health checks and the documentation", async () => {
    for (const path of ["/livez", "/readyz", "/docs", "/openapi.json"]) expect((await api.request(path)).status).toBe(200);
  });

  it("asks for the key before it looks at the request", async () => {
    expect((await errorOf(await api.post("/v1/jobs?x=1", "{not json"))).status).toBe(401);
  });

  it("takes a key from the store, and refuses it once it is revoked", async () => {
    let now = 1_000_000;
    const replica = await api.replica({ fixedKeys: [], isLoopback: false, now: () => now });
    const { key, record } = await api.store.apiKeys.create({ by: "test", owner: "carol", name: "laptop", nowMs: now });
    const carol = { authorization: `Bearer ${key}` };
    const { id } = await replica.submit({ prompt: "a" }, carol);
    expect((await api.request(`/v1/jobs/${id}`, { headers: alice })).status).toBe(404);
    await api.store.apiKeys.revoke(record.id, { by: "test", nowMs: now });
    now += 2_001;
    expect((await replica.request(`/v1/jobs/${id}`, { headers: carol })).status).toBe(401);
  });
});

describe("open mode", () => {
  it("serves loopback names and no other", async () => {
    const replica = await api.replica({ fixedKeys: [] });
    for (const host of ["localhost", "localhost:3000", "127.0.0.1:3000", "[::1]:3000", "LOCALHOST"])
      expect((await replica.request("/v1/jobs", { headers: { host } })).status).toBe(200);
    for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:3000", "10.0.0.1", ""])
      expect(await errorOf(await replica.request("/v1/jobs", { headers: { host } }))).toMatchObject({
        status: 403,
        code: "forbidden_host",
      });
  });

  it("ends with the first key in the store", async () => {
    let now = 1_000_000;
    const replica = await api.replica({ fixedKeys: [], now: () => now });
    expect((await replica.request("/v1/jobs")).status).toBe(200);
    await api.store.apiKeys.create({ by: "test", owner: "carol", name: "laptop", nowMs: now });
    now += 2_001;
    expect((await replica.request("/v1/jobs")).status).toBe(401);
  });

  it("is closed off loopback", async () => {
    const replica = await api.replica({ fixedKeys: [], isLoopback: false });
    expect((await replica.request("/v1/jobs")).status).toBe(401);
  });
});
