import { readFileSync } from "node:fs";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type SigningSecrets, WebhookSecret } from "../src/index.ts";
import { delivery, secret, useWebhooks } from "./harness.ts";
import { answer } from "./receiver.ts";

const webhooks = useWebhooks();

describe("an attempt", () => {
  it("posts the bytes as they are, signed, and tells what came back", async () => {
    const receiver = await webhooks.receiver((socket) => socket.write(answer(201, "thanks")));
    const body = Buffer.from('{"text":"é \\u0000 🦙"}\n');
    const result = await webhooks.deliverer().deliver(delivery(`${receiver.url}?a=b%20c`, { body }));
    expect(result).toEqual({
      outcome: "delivered",
      status: 201,
      latencyMs: expect.any(Number),
      responseHead: "thanks",
      error: null,
      retryAfterMs: null,
    });
    const [request] = receiver.requests;
    expect(request?.line).toBe("POST /hook?a=b%20c HTTP/1.1");
    expect(request?.headers).toMatchObject({ "content-type": "application/json", "user-agent": "Llamero/9.9.9" });
    expect(request?.body).toEqual(body);
  });

  it("is verified by the public library before, during and after a rotation, with a new time and the same id", async () => {
    const [old, fresh] = [WebhookSecret.generate(), WebhookSecret.generate()];
    const receiver = await webhooks.receiver((socket) => socket.write(answer(200)));
    const start = Date.now();
    let nowMs = start;
    const deliverer = webhooks.deliverer();
    for (const secrets of [[old], [fresh, old], [fresh]] satisfies SigningSecrets[]) {
      await deliverer.deliver(delivery(receiver.url, { secrets, nowMs }));
      nowMs += 10_000;
    }
    const accepts = receiver.requests.map(({ body, headers }) =>
      [old, fresh].map((key) => {
        try {
          return new Webhook(key.reveal()).verify(body, headers);
        } catch {
          return null;
        }
      }),
    );
    expect(accepts).toEqual([
      [{ a: 1 }, null],
      [{ a: 1 }, { a: 1 }],
      [null, { a: 1 }],
    ]);
    expect(new Set(receiver.requests.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set(["evt_1"]));
    const times = receiver.requests.map(({ headers }) => Number(headers["webhook-timestamp"]) - Math.floor(start / 1000));
    expect(times).toEqual([0, 10, 20]);
  });

  it.each([
    [429, { "retry-after": "7" }, 7_000],
    [503, { "retry-after": "Fri, 31 Dec 1999 23:59:59 GMT" }, 0],
    [500, {}, null],
  ])("that is answered %i with %j is failed", async (status, headers, retryAfterMs) => {
    const receiver = await webhooks.receiver((socket) => socket.write(answer(status, "busy", headers)));
    const result = await webhooks.attempt(receiver.url);
    expect(result).toMatchObject({
      outcome: "failed",
      status,
      retryAfterMs,
      responseHead: "busy",
      error: { code: "http_status" },
    });
  });

  it("that is answered 410 ends the endpoint", async () => {
    const receiver = await webhooks.receiver((socket) => socket.write(answer(410)));
    expect(await webhooks.attempt(receiver.url)).toMatchObject({ outcome: "gone", status: 410, error: { code: "gone" } });
  });

  it.each([301, 302, 303, 307, 308])("does not follow a %i", async (status) => {
    const target = await webhooks.receiver((socket) => socket.write(answer(200)));
    const receiver = await webhooks.receiver((socket) => socket.write(answer(status, "", { location: target.url })));
    expect(await webhooks.attempt(receiver.url)).toMatchObject({ outcome: "failed", status, error: { code: "redirect" } });
    expect(target.sockets).toEqual([]);
  });

  it.each([
    ["http where it is not allowed", "http://127.0.0.1", false],
    ["credentials", "http://user:password@127.0.0.1", true],
  ])("refuses a URL with %s, whatever was decided when it was given", async (_name, base, allowHttp) => {
    const receiver = await webhooks.receiver((socket) => socket.write(answer(200)));
    const result = await webhooks.attempt(`${base}:${receiver.port}/`, { allowHttp });
    expect(result).toMatchObject({ outcome: "failed", status: null, error: { code: "blocked" } });
    expect(receiver.sockets).toEqual([]);
  });

  it("keeps the first kilobyte of the answer and cuts no character in two", async () => {
    const receiver = await webhooks.receiver((socket) => socket.write(answer(200, `a${"é".repeat(2_000)}`)));
    expect((await webhooks.attempt(receiver.url)).responseHead).toBe(`a${"é".repeat(511)}`);
  });
});

describe("connections", () => {
  it("are used again", async () => {
    const receiver = await webhooks.receiver((socket) => socket.write(answer(200)));
    const deliverer = webhooks.deliverer();
    const twice = () => Promise.all([deliverer.deliver(delivery(receiver.url)), deliverer.deliver(delivery(receiver.url))]);
    for (let count = 0; count < 10; count++)
      expect(await twice()).toMatchObject([{ outcome: "delivered" }, { outcome: "delivered" }]);
    expect(receiver.requests.length).toBe(20);
    // A socket counts as free a turn after its answer: others may be opened meanwhile.
    expect(receiver.sockets.length).toBeLessThanOrEqual(4);
  });

  it("that the receiver closes after each answer are opened anew", async () => {
    const receiver = await webhooks.receiver((socket) => void socket.end(answer(200)));
    const deliverer = webhooks.deliverer();
    for (let count = 1; count <= 5; count++) {
      expect(await deliverer.deliver(delivery(receiver.url))).toMatchObject({ outcome: "delivered" });
      await receiver.socketsClosed();
      expect(receiver.sockets.length).toBe(count);
    }
  });

  it("do not go through a proxy of the environment", async () => {
    const proxy = await webhooks.receiver((socket) => socket.write(answer(200)));
    const receiver = await webhooks.receiver((socket) => socket.write(answer(200)));
    for (const name of ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"]) vi.stubEnv(name, proxy.url);
    vi.stubEnv("NO_PROXY", "");
    expect(await webhooks.attempt(receiver.url)).toMatchObject({ outcome: "delivered" });
    expect([proxy.sockets.length, receiver.sockets.length]).toEqual([0, 1]);
    vi.unstubAllEnvs();
  });

  it("are closed with the deliverer, twice if need be, and attempts under way are told apart from failures", async () => {
    const receiver = await webhooks.receiver(() => void deliverer.close());
    const deliverer = webhooks.deliverer();
    expect(await deliverer.deliver(delivery(receiver.url))).toMatchObject({ outcome: "failed", error: { code: "aborted" } });
    await receiver.socketsClosed();
    await deliverer.close();
    expect(await deliverer.deliver(delivery(receiver.url))).toMatchObject({ error: { code: "aborted" } });
    expect(receiver.sockets.length).toBe(1);
  });
});

describe("over TLS", () => {
  const read = (name: string) => readFileSync(new URL(`tls/${name}.pem`, import.meta.url));
  const tls = { cert: read("cert"), key: read("key") };
  const trusted = getCACertificates("default");
  const resolve = async () => ["127.0.0.1"];
  afterEach(() => setDefaultCACertificates(trusted));

  it("delivers to the checked address under the certificate's name", async () => {
    setDefaultCACertificates([tls.cert.toString()]);
    const receiver = await webhooks.receiver((socket) => socket.write(answer(200)), { tls });
    const result = await webhooks.attempt(`https://receiver.test:${receiver.port}/`, { resolve, allowHttp: false });
    expect(result).toMatchObject({ outcome: "delivered", error: null });
    expect(receiver.requests[0]?.headers["host"]).toBe(`receiver.test:${receiver.port}`);
  });

  it("refuses a certificate of another name", async () => {
    setDefaultCACertificates([tls.cert.toString()]);
    const receiver = await webhooks.receiver((socket) => socket.write(answer(200)), { tls });
    const result = await webhooks.attempt(`https://other.test:${receiver.port}/`, { resolve });
    expect(result).toMatchObject({ outcome: "failed", status: null, error: { code: "tls" } });
    expect(receiver.requests).toEqual([]);
  });

  it("refuses a certificate that nobody vouches for", async () => {
    const receiver = await webhooks.receiver((socket) => socket.write(answer(200)), { tls });
    const result = await webhooks.attempt(`https://receiver.test:${receiver.port}/`, { resolve });
    expect(result).toMatchObject({ outcome: "failed", error: { code: "tls" } });
    expect(receiver.requests).toEqual([]);
  });

  it("fails at a port that does not speak it", async () => {
    const receiver = await webhooks.receiver(() => {}, { onConnect: (socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n") });
    expect(await webhooks.attempt(`https://127.0.0.1:${receiver.port}/`)).toMatchObject({ error: { code: "tls" } });
  });
});

it("never shows the secret or the URL in a result", async () => {
  const result = await webhooks.attempt("http://127.0.0.1:1/?token=geheim");
  expect(result).toMatchObject({ outcome: "failed", status: null, error: { code: "refused" } });
  expect(JSON.stringify(result)).not.toMatch(/geheim|127\.0\.0\.1|whsec_/);
  expect(JSON.stringify(delivery("x"))).not.toContain(secret.reveal().slice(6));
});
