import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { EventClient, Follower } from "./event-client.ts";
import { type Api, openHarness, useApi } from "./harness.ts";
import { head } from "./raw-client.ts";
import { PIECE, writeUntilUnread } from "./write-until-unread.ts";

const api = useApi({ heartbeatMs: 200 });
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(at: Api = api): Promise<string> {
  const server = await at.listen();
  cleanups.push(() => server.close());
  return server.url;
}

const follow = (url: string, id: string, headers: Record<string, string> = {}) =>
  EventClient.open(`${url}/v1/jobs/${id}/events`, headers);

/** Heartbeats so far apart that no test sees one: what ends in time did not wait for one. */
const asInProduction = {};

/** Resolves when so many jobs are watched. */
async function watched({ notifications }: Api, count: number): Promise<void> {
  while (notifications.size !== count) await turn();
}

/** How many timers and sockets keep this process busy. */
const handles = () => process.getActiveResourcesInfo().filter((kind) => ["Timeout", "TCPSocketWrap"].includes(kind)).length;

describe("a client that leaves", () => {
  it("leaves no waiter, timer or socket behind, whenever it goes", async () => {
    const own = await api.replica(asInProduction);
    const url = await listen(own);
    const claim = await own.submit().then(() => api.worker.take());
    const before = handles();
    const startedAt = performance.now();
    for (const reads of [0, 1, 2]) {
      const leaving = Array.from({ length: 10 }, async () => {
        const client = await follow(url, claim.jobId);
        for (let i = 0; i < reads; i++) await client.read();
        await client.close();
      });
      await Promise.all(leaving);
    }
    await watched(own, 0);
    while (handles() > before) await turn();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it("while others stay takes nothing from them", async () => {
    const url = await listen();
    const claim = await api.submit().then(() => api.worker.take());
    const [leaving, staying] = [await follow(url, claim.jobId), await follow(url, claim.jobId)];
    for (const client of [leaving, staying]) for (let i = 0; i < 2; i++) await client.next();
    await leaving.close();
    await api.worker.write(claim, 1, "a");
    expect(await staying.next()).toMatchObject({ id: "1-1-running" });
    await staying.close();
    await watched(api, 0);
  });
});

describe("a client that stops reading", () => {
  it("is read for no further, and cut off, with nothing left behind; it can go on where it was", async () => {
    const url = await listen();
    const { hostname, port } = new URL(url);
    const claim = await api.submit().then(() => api.worker.take());
    const before = handles();
    const socket = connect(Number(port), hostname);
    cleanups.push(() => socket.destroy());
    socket.on("error", () => {});
    socket.pause().write(head(`GET /v1/jobs/${claim.jobId}/events`));
    await watched(api, 1);
    const { written, readings } = await writeUntilUnread(api, claim);
    expect(written - readings).toBeGreaterThan(30);
    await watched(api, 0);
    await api.worker.succeed(claim, PIECE.repeat(written));
    let received = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      received += text;
    });
    socket.resume();
    await once(socket, "close");
    while (handles() > before) await turn();
    const ids = Array.from(received.matchAll(/\nid: (1-\d+-running)\ndata: .*\n\n/g), ([, id = ""]) => id);
    expect(ids.length).toBeLessThan(written);
    const follower = new Follower();
    for await (const event of await follow(url, claim.jobId, { "last-event-id": ids.at(-1) ?? "" })) follower.take(event);
    expect(follower.ids).toHaveLength(written - ids.length + 1 + 1);
    expect(follower.job).toMatchObject({ status: "succeeded" });
  });

  it("is not cut off while there is nothing to read but heartbeats", async () => {
    const url = await listen();
    const claim = await api.submit().then(() => api.worker.take());
    const client = await follow(url, claim.jobId);
    // Twice as long as a stalled client lasts.
    while (client.comments.length < 4) await client.read();
    await api.worker.succeed(claim);
    const follower = new Follower();
    for await (const event of client) follower.take(event);
    expect(follower.lastId).toBe("1-0-succeeded");
  });
});

describe("when this process stops", () => {
  it("the streams end, and clients go on elsewhere", async () => {
    const own = await api.replica(asInProduction);
    const server = await own.listen();
    const other = await listen();
    const claim = await own.submit().then(() => api.worker.take());
    const client = await follow(server.url, claim.jobId);
    const follower = new Follower();
    await api.worker.write(claim, 1, "a");
    for (let event = await client.next(); event !== null; event = await client.next()) {
      follower.take(event);
      if (event.event !== "delta") continue;
      cleanups.push(() => closed);
      const startedAt = performance.now();
      const closed = server.close().then(() => expect(performance.now() - startedAt).toBeLessThan(1_000));
      await own.notifications.close();
    }
    await api.worker.succeed(claim, "a");
    for await (const event of await follow(other, claim.jobId, follower.headers)) follower.take(event);
    expect(follower.ids).toEqual(["0-0-queued", "1-0-running", "1-1-running", "1-1-succeeded"]);
    expect(own.notifications.size).toBe(0);
  });
});

describe("when Redis goes away during a stream", () => {
  it("the stream stays, beats, and goes on without loss or doubling", async () => {
    const own = await openHarness({ heartbeatMs: 100 });
    cleanups.push(() => own.close());
    await own.reset();
    const url = await listen(own);
    const claim = await own.submit().then(() => own.worker.take());
    const client = await follow(url, claim.jobId);
    const follower = new Follower();
    for (let k = 1; k <= 3; k++) await own.worker.write(claim, k, `${k} `);
    while (follower.lastId !== "1-3-running") follower.take((await client.next()) ?? expect.fail("the stream ended"));
    await own.server.kill();
    const beats = client.comments.length;
    while (client.comments.length < beats + 3) await client.read();
    await own.server.restart();
    for (let k = 4; k <= 6; k++) await own.worker.write(claim, k, `${k} `);
    await own.worker.succeed(claim, "1 2 3 4 5 6 ");
    for await (const event of client) follower.take(event);
    expect(follower.text).toBe("1 2 3 4 5 6 ");
    expect(follower.ids).toEqual([
      "0-0-queued",
      "1-0-running",
      ...Array.from({ length: 6 }, (_, index) => `1-${index + 1}-running`),
      "1-6-succeeded",
    ]);
    expect(own.notifications.size).toBe(0);
    expect(own.logs.join("")).not.toContain("broke off");
  });
});
