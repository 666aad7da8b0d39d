import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { delivery, useWebhooks } from "./harness.ts";
import { answer, type Behaviour } from "./receiver.ts";

const webhooks = useWebhooks();

/** Shorter than an attempt's 10 s: what ends sooner was not ended by the timeout. */
const SOON_MS = 5_000;
const TIMEOUT_MS = 300;

/** Writes a beginning, then a piece again and again for as long as the other side takes it. */
function pour(socket: Socket, beginning: string, piece: string): void {
  socket.write(beginning);
  const more = () => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on("drain", more);
  more();
}

/** Writes a beginning, then a piece every few milliseconds until the socket is closed. */
function drip(socket: Socket, beginning: string, piece: string): void {
  socket.write(beginning);
  const timer = setInterval(() => socket.write(piece), 5);
  socket.on("close", () => clearInterval(timer));
}

const chunkedHead = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

describe("a receiver that never comes to an end is left at the timeout", () => {
  it.each<[string, Behaviour]>([
    ["says nothing", () => {}],
    ["says one byte", (socket) => socket.write("H")],
    ["stops within the headers", (socket) => socket.write("HTTP/1.1 200 OK\r\nx-a: ")],
    ["drips a reason", (socket) => drip(socket, "HTTP/1.1 200 ", "a")],
    ["drips a header, byte by byte", (socket) => drip(socket, "HTTP/1.1 200 OK\r\nx-a: ", "a")],
    ["drips informational answers", (socket) => drip(socket, "", "HTTP/1.1 102 Processing\r\n\r\n")],
  ])("%s", async (_name, behave) => {
    const receiver = await webhooks.receiver(behave);
    const result = await webhooks.attempt(receiver.url, { timeoutMs: TIMEOUT_MS });
    expect(result).toMatchObject({ outcome: "failed", status: null, responseHead: "", error: { code: "timeout" } });
    expect(result.latencyMs).toBeGreaterThanOrEqual(TIMEOUT_MS - 1);
    expect(result.latencyMs).toBeLessThan(SOON_MS);
    await receiver.socketsClosed();
  });

  it("takes more than 15 seconds, if nobody says otherwise", async () => {
    const arrived = Promise.withResolvers<void>();
    const receiver = await webhooks.receiver(() => arrived.resolve());
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const attempt = webhooks.deliverer({ timeoutMs: null }).deliver(delivery(receiver.url));
      await arrived.promise;
      const isOver = attempt.then(() => true);
      vi.advanceTimersByTime(14_999);
      expect(await Promise.race([isOver, turn().then(() => false)])).toBe(false);
      vi.advanceTimersByTime(1);
      expect(await attempt).toMatchObject({ outcome: "failed", error: { code: "timeout" } });
    } finally {
      vi.useRealTimers();
    }
  });

  it("never reads", async () => {
    const receiver = await webhooks.receiver(() => {}, { onConnect: (socket) => void socket.pause() });
    const body = Buffer.alloc(32 * 1_048_576, "a");
    const result = await webhooks.deliverer({ timeoutMs: TIMEOUT_MS }).deliver(delivery(receiver.url, { body }));
    expect(result).toMatchObject({ outcome: "failed", error: { code: "timeout" } });
  });

  it("has a name that is never resolved: it is asked for once, and nobody else is held up", async () => {
    const asked: string[] = [];
    const resolve = (name: string) => {
      asked.push(name);
      return name === "slow.test" ? new Promise<never>(() => {}) : Promise.resolve(["127.0.0.1"]);
    };
    const good = await webhooks.receiver((socket) => socket.write(answer(200)));
    const deliverer = webhooks.deliverer({ timeoutMs: TIMEOUT_MS, resolve });
    const attempts = Array.from({ length: 20 }, () => deliverer.deliver(delivery("http://slow.test/")));
    expect(await deliverer.deliver(delivery(`http://good.test:${good.port}/`))).toMatchObject({ outcome: "delivered" });
    for (const { error, latencyMs } of await Promise.all(attempts)) {
      expect(error?.code).toBe("timeout");
      expect(latencyMs).toBeLessThan(SOON_MS);
    }
    expect(asked).toEqual(["slow.test", "good.test"]);
  });

  it("never says hello over TLS", async () => {
    const receiver = await webhooks.receiver(() => {});
    const result = await webhooks.attempt(`https://127.0.0.1:${receiver.port}/`, { timeoutMs: TIMEOUT_MS });
    expect(result).toMatchObject({ outcome: "failed", error: { code: "timeout" } });
  });

  it("delays no other attempt at its origin: each has a socket of its own", async () => {
    const receiver = await webhooks.receiver((socket, { headers }) => {
      if (headers["webhook-id"] === "evt_last") socket.write(answer(200));
    });
    const deliverer = webhooks.deliverer();
    const hanging = Array.from({ length: 200 }, () => deliverer.deliver(delivery(receiver.url)));
    const prompt = await deliverer.deliver(delivery(receiver.url, { id: "evt_last" }));
    expect(prompt).toMatchObject({ outcome: "delivered" });
    expect(prompt.latencyMs).toBeLessThan(SOON_MS);
    await deliverer.close();
    await Promise.all(hanging);
  });

  it("holds up no shutdown", async () => {
    // Longer than the clean-up after a test may take: it is not the timeout that ends the socket.
    const deliverer = webhooks.deliverer({ resolve: () => new Promise<never>(() => {}), timeoutMs: 60_000 });
    const attempt = deliverer.deliver(delivery("http://slow.test/"));
    await deliverer.close();
    expect(await attempt).toMatchObject({ outcome: "failed", error: { code: "aborted" } });
  });
});

describe("a receiver that says 2xx and then misbehaves has got the event", () => {
  it.each<[string, Behaviour, string]>([
    ["hangs within the body", (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"), "half"],
    ["drips a body", (socket) => drip(socket, chunkedHead, "1\r\na\r\n"), "aaa"],
    ["hangs before the body", (socket) => socket.write(chunkedHead), ""],
  ])("%s, until the timeout", async (_name, behave, head) => {
    const receiver = await webhooks.receiver(behave);
    const result = await webhooks.attempt(receiver.url, { timeoutMs: TIMEOUT_MS });
    expect(result).toMatchObject({ outcome: "delivered", status: 200, error: null });
    expect(result.responseHead.startsWith(head)).toBe(true);
    expect(result.latencyMs).toBeLessThan(SOON_MS);
    await receiver.socketsClosed();
  });

  it.each<[string, Behaviour]>([
    ["endless bytes", (socket) => pour(socket, "HTTP/1.1 200 OK\r\n\r\n", "a".repeat(65_536))],
    ["endless chunks", (socket) => pour(socket, chunkedHead, `10000\r\n${"a".repeat(65_536)}\r\n`)],
    ["endless small chunks", (socket) => pour(socket, chunkedHead, "1\r\na\r\n".repeat(1_000))],
    ["a petabyte", (socket) => pour(socket, "HTTP/1.1 200 OK\r\ncontent-length: 1125899906842624\r\n\r\n", "a".repeat(65_536))],
  ])("%s: the connection is given up at the limit", async (_name, behave) => {
    const receiver = await webhooks.receiver(behave);
    const result = await webhooks.attempt(receiver.url);
    expect(result).toMatchObject({ outcome: "delivered", responseHead: "a".repeat(1_024), error: null });
    expect(result.latencyMs).toBeLessThan(SOON_MS);
    await receiver.socketsClosed();
  });

  it.each<[string, Behaviour, string]>([
    [
      "resets within the body",
      (socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", () => socket.resetAndDestroy()),
      "",
    ],
    ["closes within the body", (socket) => void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"), "half"],
    ["sends a chunk that is none", (socket) => void socket.write(`${chunkedHead}4\r\nhalf\r\nzzz\r\n`), ""],
    ["sends a chunk of 2^64 bytes", (socket) => void socket.write(`${chunkedHead}ffffffffffffffffff\r\nhalf`), ""],
  ])("%s", async (_name, behave, head) => {
    const receiver = await webhooks.receiver(behave);
    const result = await webhooks.attempt(receiver.url);
    expect(result).toMatchObject({ outcome: "delivered", status: 200, error: null });
    expect(result.responseHead.startsWith(head)).toBe(true);
    expect(result.latencyMs).toBeLessThan(SOON_MS);
    await receiver.socketsClosed();
  });

  it("and one that says 500 has not", async () => {
    const receiver = await webhooks.receiver((socket) => void socket.end("HTTP/1.1 500 X\r\ncontent-length: 9\r\n\r\nhalf"));
    expect(await webhooks.attempt(receiver.url)).toMatchObject({
      outcome: "failed",
      status: 500,
      error: { code: "http_status" },
    });
  });
});

describe("a receiver that does not answer in HTTP", () => {
  const say =
    (text: string | Buffer): Behaviour =>
    (socket) =>
      void socket.write(text);
  it.each<[string, string, Behaviour]>([
    ["closes at once", "reset", (socket) => void socket.end()],
    ["resets at once", "reset", (socket) => void socket.resetAndDestroy()],
    ["closes within the headers", "reset", (socket) => void socket.end("HTTP/1.1 200 OK\r\nx-a: b")],
    ["resets within the headers", "reset", (socket) => void socket.write("HTTP/1.1 200", () => socket.resetAndDestroy())],
    ["greets as SSH", "bad_response", say("SSH-2.0-OpenSSH_9.6\r\n")],
    ["sends random bytes", "bad_response", say(Buffer.from([0, 255, 1, 254, 128, 10, 13, 10]))],
    ["sends endless garbage", "bad_response", (socket) => pour(socket, "", "garbage\n".repeat(1_000))],
    ["speaks HTTP/2", "bad_response", say(Buffer.from("000012040000000000", "hex"))],
    ["has a status of letters", "bad_response", say("HTTP/1.1 OK\r\n\r\n")],
    ["has a header with a NUL", "bad_response", say("HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n")],
    ["has a length of letters", "bad_response", say("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n")],
    ["has two lengths", "bad_response", say("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na")],
    ["has an endless header", "too_large", (socket) => pour(socket, "HTTP/1.1 200 OK\r\nx-a: ", "a".repeat(65_536))],
    ["has endless headers", "too_large", (socket) => pour(socket, "HTTP/1.1 200 OK\r\n", "x-a: b\r\n".repeat(1_000))],
    ["switches protocols", "reset", say("HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")],
  ])("%s: %s", async (_name, code, behave) => {
    const receiver = await webhooks.receiver(behave);
    const result = await webhooks.attempt(receiver.url);
    expect(result).toMatchObject({ outcome: "failed", status: null, error: { code } });
    expect(result.latencyMs).toBeLessThan(SOON_MS);
    await receiver.socketsClosed();
  });

  it("an answer that nobody asked for is not taken for the next attempt's", async () => {
    const answers = [answer(200, "first") + answer(200, "smuggled"), answer(500, "second")];
    const receiver = await webhooks.receiver((socket) => void socket.write(answers.shift() ?? ""));
    const deliverer = webhooks.deliverer();
    expect(await deliverer.deliver(delivery(receiver.url))).toMatchObject({ status: 200, responseHead: "first" });
    await receiver.socketsClosed();
    expect(await deliverer.deliver(delivery(receiver.url))).toMatchObject({ status: 500, responseHead: "second" });
  });

  it("harms no attempt at another receiver meanwhile", async () => {
    const bad = await webhooks.receiver((socket) => drip(socket, chunkedHead, "1\r\na\r\n"));
    const good = await webhooks.receiver((socket) => socket.write(answer(200)));
    const deliverer = webhooks.deliverer({ timeoutMs: 2_000 });
    const hanging = Array.from({ length: 20 }, () => deliverer.deliver(delivery(bad.url)));
    for (let count = 0; count < 20; count++)
      expect(await deliverer.deliver(delivery(good.url))).toMatchObject({ outcome: "delivered" });
    expect(bad.sockets.filter((socket) => socket.closed)).toEqual([]);
    await deliverer.close();
    await Promise.all(hanging);
  });
});
