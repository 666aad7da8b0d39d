import type { Delivery, Job } from "@llamero/core";
import { beforeEach, describe, expect, it } from "vitest";
import { errorOf } from "./expect-error.ts";
import { useApi } from "./harness.ts";
import { StandInDispatcher } from "./stand-in-dispatcher.ts";

const api = useApi();
const url = "https://hooks.example/llamero";
let dispatcher: StandInDispatcher;
beforeEach(() => {
  dispatcher = new StandInDispatcher(api.store);
});

interface Page {
  data: Delivery[];
  has_more: boolean;
  first_id: string | null;
  last_id: string | null;
}

const list = async (query = ""): Promise<Page> => (await api.request(`/v1/deliveries${query}`)).json() as Promise<Page>;
const read = async (id: string): Promise<Delivery> => (await api.request(`/v1/deliveries/${id}`)).json() as Promise<Delivery>;
const ids = ({ data }: Page) => data.map(({ id }) => id);
const submit = (): Promise<Job> => api.submit({ prompt: "a", webhook: { url } });

async function endpoint(path = ""): Promise<string> {
  const response = await api.post("/v1/webhook-endpoints", { url: url + path });
  return ((await response.json()) as { id: string }).id;
}

/** A delivery of a new job to its own URL. */
async function open(atMs?: number): Promise<Delivery> {
  const [delivery] = await dispatcher.open(await submit(), "job.succeeded", atMs);
  return delivery ?? expect.fail("nothing was opened");
}

describe("the delivery log", () => {
  it("shows each attempt with its status, latency, error and answer, and when the next one is", async () => {
    const job = await submit();
    const [opened] = await dispatcher.open(job, "job.succeeded");
    const { id } = opened ?? expect.fail("nothing was opened");
    expect(await read(id)).toMatchObject({
      id: expect.stringMatching(/^dlv_[0-9a-z]{26}$/),
      event_id: expect.stringMatching(/^evt_[0-9a-z]{26}$/),
      event: "job.succeeded",
      job_id: job.id,
      endpoint_id: null,
      url,
      status: "pending",
      attempts: [],
      next_attempt_at: expect.any(String),
    });
    await dispatcher.attempt({ id }, "retry");
    const retried = await read(id);
    expect(retried).toMatchObject({ status: "pending", event_id: opened?.event_id });
    expect(retried.attempts).toEqual([
      {
        number: 1,
        at: expect.any(String),
        status: 500,
        latency_ms: 12,
        error: { code: "http_status", message: expect.any(String) },
        response_head: "no",
      },
    ]);
    expect(Date.parse(retried.next_attempt_at ?? "") - Date.now()).toBeGreaterThan(50_000);
  });

  it("shows nothing due once it is delivered", async () => {
    const delivery = await open();
    await dispatcher.attempt(delivery, "delivered");
    expect(await read(delivery.id)).toMatchObject({ status: "delivered", next_attempt_at: null, attempts: [{ error: null }] });
  });

  it("goes with its job", async () => {
    const job = await submit();
    const [delivery] = await dispatcher.open(job, "job.cancelled");
    await api.post(`/v1/jobs/${job.id}/cancel`);
    expect((await api.request(`/v1/jobs/${job.id}`, { method: "DELETE" })).status).toBe(200);
    expect(await errorOf(await api.request(`/v1/deliveries/${delivery?.id}`))).toMatchObject({
      status: 404,
      code: "delivery_not_found",
      param: "id",
    });
    expect(await list()).toEqual({ object: "list", data: [], has_more: false, first_id: null, last_id: null });
  });
});

describe("GET /v1/deliveries", () => {
  it("gives pages, the newest first", async () => {
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.unshift((await open(Date.now() + i)).id);
    const first = await list("?limit=2");
    expect(first).toMatchObject({ has_more: true, first_id: made[0], last_id: made[1] });
    const second = await list(`?limit=2&after=${first.last_id}`);
    const third = await list(`?limit=2&after=${second.last_id}`);
    expect([...ids(first), ...ids(second), ...ids(third)]).toEqual(made);
    expect(third.has_more).toBe(false);
  });

  it("filters by job, endpoint and status, and by all of them together", async () => {
    const [one, two] = [await endpoint("/1"), await endpoint("/2")];
    const job = await submit();
    const deliveries = await dispatcher.open(job, "job.succeeded");
    await dispatcher.open(await submit(), "job.failed");
    const of = (endpointId: string | null) => deliveries.find(({ endpoint_id }) => endpoint_id === endpointId)?.id ?? "";
    await dispatcher.attempt({ id: of(one) }, "dead");
    expect(ids(await list(`?job_id=${job.id}`)).toSorted()).toEqual([of(one), of(two), of(null)].toSorted());
    expect((await list(`?endpoint_id=${two}`)).data).toHaveLength(2);
    expect(ids(await list("?status=dead"))).toEqual([of(one)]);
    expect(ids(await list(`?job_id=${job.id}&endpoint_id=${two}&status=pending`))).toEqual([of(two)]);
    expect(ids(await list(`?job_id=${job.id}&endpoint_id=${two}&status=dead`))).toEqual([]);
  });

  it.each([
    ["limit", "limit=0"],
    ["limit", "limit=101"],
    ["status", "status=failed"],
    ["after", "after=x"],
    ["after", `after=job_${"0".repeat(26)}`],
    ["job_id", "job_id="],
    ["job_id", `job_id=${"x".repeat(65)}`],
    ["since", "since=2026-01-01"],
  ])("says that %s is at fault in %s", async (param, query) => {
    expect(await errorOf(await api.request(`/v1/deliveries?${query}`))).toMatchObject({ status: 400, param });
  });

  it.each(["x", "*", "__proto__", "job_[a-z]", "a:b"])("finds nothing under %s", async (id) => {
    await open();
    expect((await list(`?job_id=${encodeURIComponent(id)}`)).data).toEqual([]);
    expect((await list(`?endpoint_id=${encodeURIComponent(id)}`)).data).toEqual([]);
  });
});

describe("redelivery", () => {
  it.each(["delivered", "dead"] as const)("starts one over that is %s, under the same event id", async (outcome) => {
    const delivery = await open();
    await dispatcher.attempt(delivery, outcome);
    const response = await api.post(`/v1/deliveries/${delivery.id}/redeliver`);
    expect(response.status).toBe(202);
    const again = (await response.json()) as Delivery;
    expect(again).toMatchObject({ id: delivery.id, event_id: delivery.event_id, status: "pending", attempts: [{ number: 1 }] });
    await dispatcher.attempt(delivery, "delivered");
    expect((await read(delivery.id)).attempts.map(({ number }) => number)).toEqual([1, 2]);
  });

  it("ends the wait of one that waits for its next attempt", async () => {
    const delivery = await open();
    await dispatcher.attempt(delivery, "retry");
    const response = await api.post(`/v1/deliveries/${delivery.id}/redeliver`);
    expect(response.status).toBe(202);
    const { next_attempt_at } = (await response.json()) as Delivery;
    expect(Date.parse(next_attempt_at ?? "")).toBeLessThanOrEqual(Date.now());
    await dispatcher.attempt(delivery, "delivered");
  });

  it("refuses one that is due already", async () => {
    const { id } = await open();
    expect(await errorOf(await api.post(`/v1/deliveries/${id}/redeliver`))).toMatchObject({
      status: 409,
      code: "delivery_pending",
    });
  });

  it("refuses one whose endpoint is disabled", async () => {
    const id = await endpoint();
    const [delivery] = await dispatcher.open(await api.submit(), "job.succeeded");
    await api.post(`/v1/webhook-endpoints/${id}/disable`);
    expect(await read(delivery?.id ?? "")).toMatchObject({ status: "discarded" });
    const refused = await errorOf(await api.post(`/v1/deliveries/${delivery?.id}/redeliver`));
    expect(refused).toMatchObject({ status: 409, code: "webhook_endpoint_disabled" });
    await api.post(`/v1/webhook-endpoints/${id}/enable`);
    expect((await api.post(`/v1/deliveries/${delivery?.id}/redeliver`)).status).toBe(202);
  });

  it("says so when the endpoint of a delivery has been deleted", async () => {
    const id = await endpoint();
    const [delivery] = await dispatcher.open(await api.submit(), "job.succeeded");
    await api.request(`/v1/webhook-endpoints/${id}`, { method: "DELETE" });
    const refused = await errorOf(await api.post(`/v1/deliveries/${delivery?.id}/redeliver`));
    expect(refused).toMatchObject({ status: 404, code: "webhook_endpoint_not_found", message: expect.stringContaining(id) });
  });

  it("of all that failed takes those since the time, to the endpoint, and leaves what was delivered", async () => {
    const id = await endpoint();
    const at = Date.now() - 60_000;
    const failing = async (atMs: number) => {
      const job = await submit();
      const deliveries = await dispatcher.open(job, "job.failed", atMs);
      for (const delivery of deliveries) await dispatcher.attempt(delivery, "dead");
      return deliveries;
    };
    await failing(at - 10_000);
    const late = await failing(at + 10_000);
    await dispatcher.open(await submit(), "job.succeeded", at + 20_000);
    for (const delivery of (await list("?status=pending")).data) await dispatcher.attempt(delivery, "delivered");
    const since = new Date(at).toISOString();
    const one = await api.post("/v1/deliveries/redeliver", { since, endpoint_id: id });
    expect([one.status, await one.json()]).toEqual([202, { object: "redelivery", scheduled: 1, has_more: false }]);
    const rest = await api.post("/v1/deliveries/redeliver", { since });
    expect(await rest.json()).toMatchObject({ scheduled: 1 });
    expect(ids(await list("?status=dead"))).toHaveLength(2);
    for (const { id: again } of late) expect(await read(again)).toMatchObject({ status: "pending" });
  });

  it.each([
    ["since", {}],
    ["since", { since: "yesterday" }],
    ["since", { since: 5 }],
    ["endpoint_id", { since: "2026-01-01T00:00:00Z", endpoint_id: "" }],
    ["until", { since: "2026-01-01T00:00:00Z", until: "2026-01-02T00:00:00Z" }],
  ])("says that %s is at fault in %j", async (param, body) => {
    expect(await errorOf(await api.post("/v1/deliveries/redeliver", body))).toMatchObject({ status: 400, param });
  });

  it("is a 404 for an endpoint that is not there", async () => {
    for (const endpoint_id of ["x", `whep_${"0".repeat(26)}`]) {
      const error = await errorOf(await api.post("/v1/deliveries/redeliver", { since: "2026-01-01T00:00:00Z", endpoint_id }));
      expect(error).toMatchObject({ status: 404, code: "webhook_endpoint_not_found", param: "endpoint_id" });
    }
  });
});
