import { once } from "node:events";
import { type ClientHttp2Stream, connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { SubmitRequestSchema, WatchEventSchema, WatchRequestSchema } from "@llamero/grpc";
import { TcpProxy } from "@llamero/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { GrpcClient, type GrpcEvent, readAll } from "./grpc-client.ts";
import { type Api, MAX_BODY_BYTES, openHarness } from "./harness.ts";
import { useGrpc } from "./use-grpc.ts";
import { PIECE, writeUntilUnread } from "./write-until-unread.ts";

const api = useGrpc({ heartbeatMs: 200 });
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function open(url: string = api.grpcUrl): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay(true);
  cleanups.push(() => socket.destroy());
  return socket;
}

function client(url: string): GrpcClient {
  const opened = new GrpcClient(url);
  cleanups.push(() => opened.close());
  return opened;
}

/** Sends each byte by itself. */
async function trickle(socket: Socket, bytes: Buffer): Promise<void> {
  for (const byte of bytes) {
    await new Promise((sent) => socket.write(Buffer.from([byte]), sent));
    await turn();
  }
}

async function watched({ notifications }: Api, count: number): Promise<void> {
  while (notifications.size !== count) await turn();
}

/** A call without a client between, which reads nothing by itself. */
function rawCall(method: string): ClientHttp2Stream {
  const session = connectHttp2(api.grpcUrl);
  session.on("error", () => {});
  cleanups.push(() => session.destroy());
  const head = { ":method": "POST", ":path": `/llamero.v1.Jobs/${method}`, "content-type": "application/grpc", te: "trailers" };
  const call = session.request(head);
  // Calls are broken off here from either side.
  call.on("error", () => {});
  return call;
}

/** A message as it goes over the wire: flag, length and bytes. */
function envelope(message: Uint8Array, { flag = 0, length = message.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

function rawWatch(id: string): ClientHttp2Stream {
  return rawCall("Watch").end(envelope(toBinary(WatchRequestSchema, create(WatchRequestSchema, { id }))));
}

/** The message that a piece of an answer begins with, behind five bytes of flag and length. */
const firstEvent = (bytes: Buffer) => fromBinary(WatchEventSchema, bytes.subarray(5, 5 + bytes.readUInt32BE(1)));

const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

describe("a connection", () => {
  it("of HTTP/2 is known also when its first bytes come one by one", async () => {
    const socket = open();
    await trickle(socket, Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), SETTINGS]));
    const [frame] = (await once(socket, "data")) as [Buffer];
    expect(frame[3]).toBe(SETTINGS[3]);
  });

  it.each([
    "GET /none HTTP/1.1\r\nHost: a\r\n\r\n",
    "PUT /none HTTP/1.1\r\nHost: a\r\n\r\n",
    "PROPFIND /none HTTP/1.1\r\nHost: a\r\n\r\n",
  ])("of HTTP/1.1 is known by %j, byte by byte", async (head) => {
    const socket = open();
    await trickle(socket, Buffer.from(head));
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(String(answer)).toMatch(/^HTTP\/1\.1 404 /);
  });

  it.each([
    ["no host", "POST /llamero.v1.Jobs/Submit HTTP/1.0\r\nContent-Type: application/json\r\n\r\n"],
    ["a host that is none", "POST /llamero.v1.Jobs/Submit HTTP/1.1\r\nHost: [\r\nContent-Type: application/json\r\n\r\n"],
    ["no HTTP", "\x16\x03\x01\x02\x00\r\n\r\n"],
    ["CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ])("with %s does no harm", async (_what, head) => {
    const socket = open();
    socket.write(head);
    const [answer] = await Promise.race([once(socket, "data"), once(socket, "close")]);
    expect(String(answer)).toMatch(/^(HTTP\/1\.1 400 |false)/);
    expect(await api.grpc.call("Submit", { prompt: "a" })).toMatchObject({ status: "JOB_STATUS_QUEUED" });
  });

  it("in open mode must be to this machine by a loopback name", async () => {
    const session = connectHttp2(api.grpcUrl);
    cleanups.push(() => session.close());
    const call = session.request({
      ":method": "POST",
      ":path": "/llamero.v1.Jobs/Submit",
      ":authority": "evil.example",
      "content-type": "application/json",
    });
    call.end("{}");
    const [head] = (await once(call, "response")) as [Record<string, unknown>];
    expect(head[":status"]).toBe(403);
    call.resume();
  });
});

describe("a client that stops reading", () => {
  it("is read for no further, and cut off, with nothing left behind; it can go on where it was", async () => {
    const { id } = await api.grpc.call("Submit", { prompt: "a" });
    const claim = await api.worker.take();
    const stalled = rawWatch(id);
    const [begin] = (await once(stalled, "data")) as [Buffer];
    stalled.pause();
    const { written, readings } = await writeUntilUnread(api, claim);
    expect(written - readings).toBeGreaterThan(30);
    await watched(api, 0);
    await api.worker.succeed(claim);
    const { cursor } = firstEvent(begin);
    const rest = await readAll(api.grpc.stream<GrpcEvent>("Watch", { id, cursor }));
    expect(rest.error).toBeNull();
    const text = rest.messages.map(({ delta }) => delta?.text ?? "").join("");
    expect(text).toBe(PIECE.repeat(written));
  });

  it("is not cut off while there is nothing to read but signs of life", async () => {
    const { id } = await api.grpc.call("Submit", { prompt: "a" });
    const claim = await api.worker.take();
    const events = api.grpc.stream<GrpcEvent>("Watch", { id })[Symbol.asyncIterator]();
    // Twice as long as a stalled client lasts.
    for (let beats = 0; beats < 5; ) if ((await events.next()).value?.event === undefined) beats += 1;
    await api.worker.succeed(claim);
    expect((await events.next()).value).toMatchObject({ event: "done" });
    expect((await events.next()).done).toBe(true);
  });
});

describe("a client that breaks a call off", () => {
  const codes = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "REFUSED_STREAM", "CANCEL"] as const;

  it.each(codes)("by %s takes what it watched with it, and nothing else", async (code) => {
    const { id } = await api.grpc.call("Submit", { prompt: "a" });
    const call = rawWatch(id);
    await once(call, "data");
    call.close(constants[`NGHTTP2_${code}`]);
    await watched(api, 0);
    expect(await api.grpc.call("Get", { id })).toMatchObject({ id });
    expect(api.logs.join("")).not.toContain("request failed");
  });

  it("in the middle of a message does no harm", async () => {
    for (const method of ["Submit", "SubmitStream"]) {
      const call = rawCall(method);
      await new Promise((sent) => call.write(envelope(Buffer.alloc(1), { length: 100 }), sent));
      call.session?.destroy();
    }
    expect(await api.grpc.call("Submit", { prompt: "a" })).toMatchObject({ status: "JOB_STATUS_QUEUED" });
    expect(api.logs.join("")).not.toContain("request failed");
  });
});

describe("what is no message", () => {
  const message = toBinary(SubmitRequestSchema, create(SubmitRequestSchema, { prompt: "a" }));

  it.each<[string, Buffer, status]>([
    ["nothing", Buffer.alloc(0), status.UNIMPLEMENTED],
    ["two messages for one", Buffer.concat([envelope(message), envelope(message)]), status.UNIMPLEMENTED],
    ["half a message", envelope(message, { length: 100 }), status.INVALID_ARGUMENT],
    ["bytes that are no fields", envelope(Buffer.from([0xff, 0xff, 0xff])), status.INTERNAL],
    ["text that is not UTF-8", envelope(Buffer.from([3 * 8 + 2, 1, 0xff])), status.INTERNAL],
    ["a length beyond the limit", envelope(Buffer.alloc(10), { length: MAX_BODY_BYTES + 1 }), status.RESOURCE_EXHAUSTED],
    ["a compressed one in no compression", envelope(message, { flag: 1 }), status.INTERNAL],
  ])("is refused: %s", async (_what, bytes, code) => {
    const call = rawCall("Submit");
    const trailers = once(call, "trailers");
    call.end(bytes);
    call.resume();
    const [{ "grpc-status": told }] = (await trailers) as [Record<string, string>];
    expect(Number(told)).toBe(code);
    expect(api.logs.join("")).not.toContain("request failed");
  });
});

it("a client that is gone without a word is noticed, and what it watched is released", async () => {
  await using proxy = await TcpProxy.start(api.grpcUrl);
  const { id } = await api.grpc.call("Submit", { prompt: "a" });
  const stream = client(`http://127.0.0.1:${proxy.port}`).stream("Watch", { id });
  stream.on("error", () => {});
  await once(stream, "data");
  proxy.strand();
  await watched(api, 0);
});

describe("when this process stops", () => {
  it("streams end with an error that clients try elsewhere at, waits are answered, and silent connections are closed", async () => {
    const own = await api.replica({});
    const server = await own.listenGrpc();
    const { hostname, port } = new URL(server.url);
    const silent = connect(Number(port), hostname);
    await once(silent, "connect");
    const mine = client(server.url);
    const { id } = await mine.call("Submit", { prompt: "a" });
    const watching = mine.stream<GrpcEvent>("Watch", { id });
    await once(watching, "data");
    const waiting = mine.call("Get", { id, wait_seconds: 60 });
    const health = mine.stream<{ status: string }>("grpc.health.v1.Health/Watch", {});
    const [serving] = (await once(health, "data")) as [{ status: string }];
    const [rest, told] = [readAll(watching), readAll(health)];
    const startedAt = performance.now();
    const closed = server.close();
    await own.notifications.close();
    expect(await waiting).toMatchObject({ id, status: "JOB_STATUS_QUEUED" });
    expect((await rest).error).toMatchObject({ code: "UNAVAILABLE", reason: "api_stopping" });
    expect([serving, await told]).toMatchObject([
      { status: "SERVING" },
      { messages: [{ status: "NOT_SERVING" }], error: { code: "UNAVAILABLE" } },
    ]);
    await closed;
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

describe("when Redis goes away", () => {
  it("health says so, calls are unavailable, and streams stay and go on without loss or doubling", async () => {
    const own = await openHarness({ heartbeatMs: 100 });
    cleanups.push(() => own.close());
    await own.reset();
    const mine = client((await own.listenGrpc()).url);
    const { id } = await mine.call("Submit", { prompt: "a" });
    const claim = await own.worker.take();
    const health = mine.stream<{ status: string }>("grpc.health.v1.Health/Watch", {})[Symbol.asyncIterator]();
    expect((await health.next()).value).toEqual({ status: "SERVING" });
    const events = mine.stream<GrpcEvent>("Watch", { id })[Symbol.asyncIterator]();
    const seen: GrpcEvent[] = [];
    const next = async () => seen.push((await events.next()).value as GrpcEvent);
    await own.worker.write(claim, 1, "a");
    while (seen.at(-1)?.cursor !== "1-1-running") await next();
    await own.server.kill();
    expect((await health.next()).value).toEqual({ status: "NOT_SERVING" });
    expect(await mine.refusal("Submit", { prompt: "a" })).toMatchObject({
      code: "UNAVAILABLE",
      reason: "redis_unavailable",
      retrySeconds: 2,
    });
    await own.server.restart();
    expect((await health.next()).value).toEqual({ status: "SERVING" });
    await own.worker.write(claim, 2, "b");
    await own.worker.succeed(claim, "ab");
    while (seen.at(-1)?.event !== "done") await next();
    const told = seen.filter(({ event }) => event !== undefined).map(({ cursor }) => cursor);
    expect(told).toEqual(["0-0-queued", "1-0-running", "1-1-running", "1-2-running", "1-2-succeeded"]);
  });
});
