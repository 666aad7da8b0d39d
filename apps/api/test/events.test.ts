import type { Job } from "@llamero/core";
import type { Claim } from "@llamero/store";
import { seededRandom } from "@llamero/testkit";
import { describe, expect, it, vi } from "vitest";
import { EventClient, Follower, type Seen } from "./event-client.ts";
import { type Api, useApi } from "./harness.ts";

const api = useApi({ heartbeatMs: 200 });

const events = (id: string, query = "") => `/v1/jobs/${id}/events${query}`;
const open = async (id: string, headers: Record<string, string> = {}, at: Api = api) =>
  new EventClient(await at.request(events(id), { headers }));

async function all(client: EventClient): Promise<Seen[]> {
  const events: Seen[] = [];
  for await (const event of client) events.push(event);
  return events;
}

async function started(body?: object): Promise<Claim> {
  await api.submit(body);
  return api.worker.take();
}

async function write(claim: Claim, ...texts: string[]): Promise<void> {
  for (const [index, text] of texts.entries()) await api.worker.write(claim, index + 1, text);
}

/** Submits a job and runs it to its end. */
async function ended(...texts: string[]): Promise<Job> {
  const claim = await started();
  await write(claim, ...texts);
  await api.worker.succeed(claim, texts.join(""));
  return api.job(claim.jobId);
}

const status = (id: string, status: string, attempt: number, text_reset = false) => ({
  id,
  event: "status",
  data: { status, attempt, text_reset },
});
const delta = (id: string, text: string) => ({ id, event: "delta", data: { text, tokens: 1 } });

describe("a job that has ended", () => {
  it("is told again from event 0, as often as asked", async () => {
    const job = await ended("pos", "itive");
    for (let times = 0; times < 2; times++) {
      const client = await open(job.id);
      expect(client.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
      expect(client.response.headers.get("cache-control")).toBe("no-store");
      expect(client.response.headers.get("x-accel-buffering")).toBe("no");
      expect(client.response.headers.get("x-request-id")).not.toBeNull();
      expect(await all(client)).toEqual([
        status("0-0-queued", "queued", 0),
        status("1-0-running", "running", 1),
        delta("1-1-running", "pos"),
        delta("1-2-running", "itive"),
        { id: "1-2-succeeded", event: "done", data: job },
      ]);
      expect(client.retries).toEqual([1000]);
    }
  });

  it("is taken up behind each of its events, by header or query", async () => {
    const job = await ended("a", "b", "c");
    const whole = await all(await open(job.id));
    for (const [index, { id }] of whole.slice(0, -1).entries()) {
      expect(await all(await open(job.id, { "last-event-id": id }))).toEqual(whole.slice(index + 1));
      const byQuery = new EventClient(await api.request(events(job.id, `?after=${id}`)));
      expect(await all(byQuery)).toEqual(whole.slice(index + 1));
    }
  });

  it("has nothing behind its last event: a browser is told to stop", async () => {
    const job = await ended("a");
    const response = await api.request(events(job.id), { headers: { "last-event-id": "1-1-succeeded" } });
    expect([response.status, await response.text()]).toEqual([204, ""]);
  });

  it("comes with the header's position, also when an older one stands in the query", async () => {
    const job = await ended("a", "b");
    const path = events(job.id, "?after=0-0-queued");
    const client = new EventClient(await api.request(path, { headers: { "last-event-id": "1-2-running" } }));
    expect((await all(client)).map(({ event }) => event)).toEqual(["done"]);
  });

  it("is told in full, whatever its text holds and however long it is", async () => {
    const random = seededRandom(1);
    const pieces = Array.from({ length: 600 }, () =>
      random.pick(["\n", "\r\n", "data: x\n\n", "🦙", '"', "\u2028", "", " wool"]),
    );
    const job = await ended(...pieces);
    const client = await open(job.id);
    const follower = new Follower();
    for await (const event of client) follower.take(event);
    expect(follower.text).toBe(pieces.join(""));
    expect(new Set(follower.ids).size).toBe(pieces.length + 3);
    expect(follower.job).toEqual(job);
  });

  it("without text comes as a whole: vectors, and what ended before it ran", async () => {
    const claim = await started({ input: ["a"], model: "embedder" });
    await api.worker.succeed(claim);
    const job = await api.job(claim.jobId);
    expect(job.output).toEqual({ embeddings: [[0.6, 0.8]] });
    expect((await all(await open(job.id))).at(-1)).toEqual({ id: "1-0-succeeded", event: "done", data: job });
    const { id } = await api.submit({ prompt: "a", delay_ms: 60_000 });
    await api.post(`/v1/jobs/${id}/cancel`);
    const events = await all(await open(id));
    expect(events.map((event) => event.id)).toEqual(["0-0-queued", "0-0-cancelled"]);
  });

  it("has the text of its output also when it was cancelled, acknowledged or not", async () => {
    const acknowledged = await started();
    await write(acknowledged, "so", " far");
    await api.worker.acknowledgeCancel(acknowledged, "so far");
    const forced = await started();
    await write(forced, "so", " far");
    await api.worker.store.cancel({ id: forced.jobId, owner: "local" }, true);
    for (const { jobId } of [acknowledged, forced]) {
      const follower = new Follower();
      for await (const event of await open(jobId)) follower.take(event);
      expect(follower.job).toMatchObject({ status: "cancelled", output: { text: follower.text } });
      expect(follower.text).toBe("so far");
    }
  });

  it("that failed says why, behind the text it had", async () => {
    const claim = await started();
    await write(claim, "oh");
    await api.worker.end(claim, { status: "failed", error: { code: "engine_failed", message: "No." } });
    const events = await all(await open(claim.jobId));
    expect(events.slice(2)).toEqual([
      delta("1-1-running", "oh"),
      {
        id: "1-1-failed",
        event: "done",
        data: expect.objectContaining({
          status: "failed",
          output: expect.objectContaining({ text: "oh", finish_reason: "error" }),
        }),
      },
    ]);
  });
});

describe("a job that runs", () => {
  it("is told as it happens, alike by every replica", async () => {
    const replica = await api.replica();
    const { id } = await api.submit();
    const clients = [await open(id), await open(id), await open(id, {}, replica)];
    const next = () => Promise.all(clients.map((client) => client.next()));
    const alike = (event: unknown) => clients.map(() => event);
    expect(await next()).toEqual(alike(status("0-0-queued", "queued", 0)));
    const claim = await api.worker.take();
    expect(await next()).toEqual(alike(status("1-0-running", "running", 1)));
    for (const [index, text] of ["a", "", "b"].entries()) {
      await api.worker.write(claim, index + 1, text);
      expect(await next()).toEqual(alike(delta(`1-${index + 1}-running`, text)));
    }
    await api.worker.succeed(claim, "ab");
    expect(await next()).toEqual(alike({ id: "1-3-succeeded", event: "done", data: await api.job(id) }));
    expect(await next()).toEqual(alike(null));
    expect(replica.notifications.size).toBe(0);
  });

  it("is told from when it is scheduled", async () => {
    const { id } = await api.submit({ prompt: "a", run_at: new Date(Date.now() + 100).toISOString() });
    const client = await open(id);
    expect(await client.next()).toEqual(status("0-0-scheduled", "scheduled", 0));
    while ((await api.job(id)).status === "scheduled")
      await api.worker.add((await api.store.sweep({ retentionMs: 1e9, limit: 9 })).fed);
    expect(await client.next()).toEqual(status("0-0-queued", "queued", 0));
    await client.close();
  });

  it("that is resumed goes on with its text, live and behind any earlier event", async () => {
    const claim = await started();
    await write(claim, "one ", "two ");
    const client = await open(claim.jobId);
    const follower = new Follower();
    const take = async (count: number) => {
      for (let i = 0; i < count; i++) follower.take((await client.next()) as Seen);
    };
    await take(4);
    await api.worker.end(claim, { status: "queued" });
    await take(1);
    expect([follower.text, follower.lastId]).toEqual(["one two ", "1-2-queued"]);
    const second = await api.worker.take();
    await api.worker.write(second, 3, "three");
    await api.worker.succeed(second, "one two three");
    for await (const event of client) follower.take(event);
    expect([follower.text, follower.lastId]).toEqual(["one two three", "2-3-succeeded"]);
    expect(follower.job).toMatchObject({ attempts: 2, resumed_from: 2, output: { text: follower.text } });
    const late = await all(await open(claim.jobId, { "last-event-id": "1-2-running" }));
    expect(late.map(({ id }) => id)).toEqual(["2-2-running", "2-3-running", "2-3-succeeded"]);
    expect(late[0]).toEqual(status("2-2-running", "running", 2));
    const whole = new Follower();
    for await (const event of await open(claim.jobId)) whole.take(event);
    expect(whole.text).toBe("one two three");
  });

  it("is told again from its first token to who has more of it than there is", async () => {
    const claim = await started();
    await write(claim, "a");
    const client = await open(claim.jobId, { "last-event-id": "1-5-running" });
    expect(await client.next()).toEqual(status("1-0-running", "running", 1, true));
    expect(await client.next()).toEqual(delta("1-1-running", "a"));
    await client.close();
  });

  it("beats while nothing happens", async () => {
    const client = await open((await api.submit()).id);
    await client.next();
    while (client.comments.length < 2) await client.read();
    expect(client.comments).toEqual(["", ""]);
    await client.close();
  });

  it("is read once per change, however many follow it", async () => {
    const claim = await started();
    const clients = await Promise.all(Array.from({ length: 50 }, () => open(claim.jobId)));
    const next = () => Promise.all(clients.map((client) => client.next()));
    await next();
    await next();
    const reading = vi.spyOn(api.store, "readEvents");
    for (let k = 1; k <= 10; k++) {
      await api.worker.write(claim, k, "a");
      await next();
    }
    // One for each of ten writes, and a few more should a beat fall between.
    expect(reading.mock.calls.length).toBeLessThan(20);
    reading.mockRestore();
    for (const client of clients) await client.close();
  });

  it.each(["the last event", "random events"])("is whole for who is cut off 50 times after %s", async (how) => {
    const random = seededRandom(7);
    const replicas = [api, await api.replica()];
    const claim = await started();
    const pieces = Array.from({ length: 200 }, (_, index) => `${index} `);
    const writing = (async () => {
      for (const [index, text] of pieces.entries()) {
        await api.worker.write(claim, index + 1, text);
        if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const follower = new Follower();
    for (let cut = 1; cut <= 50; cut++) {
      const client = await open(claim.jobId, follower.headers, replicas[cut % 2]);
      for (let left = 1 + random.below(4); left > 0; left--) {
        const event = await client.next();
        if (event !== null && (how === "the last event" || left > 1)) follower.take(event);
      }
      await client.close();
    }
    await writing;
    await api.worker.succeed(claim, pieces.join(""));
    for await (const event of await open(claim.jobId, follower.headers)) follower.take(event);
    expect(follower.text).toBe(pieces.join(""));
    expect(new Set(follower.ids).size).toBe(follower.ids.length);
    expect(follower.ids).toHaveLength(pieces.length + 3);
    expect(follower.job).toEqual(await api.job(claim.jobId));
    expect(replicas.map(({ notifications }) => notifications.size)).toEqual([0, 0]);
  });
});

describe("a request for events", () => {
  it("answers whatever the client accepts, and HEAD without a body or a waiter", async () => {
    const job = await ended("a");
    const client = await open(job.id, { accept: "application/json" });
    expect(await all(client)).toHaveLength(4);
    const head = await api.request(events(job.id), { method: "HEAD" });
    expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([
      200,
      "text/event-stream; charset=utf-8",
      "",
    ]);
    const wrong = await api.request(events(job.id), { method: "POST" });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("ends without `done` when the job is deleted meanwhile", async () => {
    const job = await ended("a");
    const client = await open(job.id);
    await api.store.remove({ id: job.id, owner: "local" });
    expect(await all(client)).toEqual([]);
  });
});
