import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Listening } from "../src/listen.ts";
import { checkError } from "./expect-error.ts";
import { jsonType, MAX_BODY_BYTES, useApi } from "./harness.ts";
import { head, RawClient } from "./raw-client.ts";

const api = useApi();
const clients: RawClient[] = [];
let server: Listening;

beforeEach(async () => {
  server = await api.listen();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
});

async function open(): Promise<RawClient> {
  const client = await RawClient.open(server.url);
  clients.push(client);
  return client;
}

const MEGABYTE = 1_048_576;
const submission = '{"prompt":"a"}';
const post = (headers: Record<string, string | number>, path = "/v1/jobs") => head(`POST ${path}`, { ...jsonType, ...headers });
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const expectAlive = async () => {
  const client = await open();
  expect((await client.send(head("GET /livez")).answer()).status).toBe(200);
};

describe("a body over the limit", () => {
  it.each(["/v1/jobs", `/v1/jobs/job_${"0".repeat(26)}/cancel`])(
    "is refused at POST %s before any of it is sent",
    async (path) => {
      const client = await open();
      const answer = await client.send(post({ "content-length": 20 * MEGABYTE }, path)).answer();
      const error = checkError(answer);
      expect(error).toMatchObject({ status: 413, code: "payload_too_large" });
      expect(error.message).toContain(String(MAX_BODY_BYTES));
    },
  );

  it("ends the connection of a client that goes on sending slowly", async () => {
    const client = await open();
    client.send(post({ "content-length": 20 * MEGABYTE }));
    expect(checkError(await client.answer()).status).toBe(413);
    const timer = setInterval(() => client.send("x"), 20);
    await client.ended;
    clearInterval(timer);
  });

  it("does not end the connection of a client that has sent it all", async () => {
    const client = await open();
    client.send(post({ "content-length": 11 * MEGABYTE })).send(Buffer.alloc(11 * MEGABYTE, "x"));
    expect(checkError(await client.answer()).status).toBe(413);
    expect((await client.send(head("GET /livez")).answer()).status).toBe(200);
  });

  it("is cut off at the limit when it comes in chunks", async () => {
    const client = await open();
    client.send(post({ "transfer-encoding": "chunked" }));
    const part = chunk("x".repeat(MEGABYTE));
    for (let sent = 0; sent <= MAX_BODY_BYTES; sent += MEGABYTE) client.send(part);
    expect(checkError(await client.answer())).toMatchObject({ status: 413, code: "payload_too_large" });
    await client.ended;
  });

  it("is not asked for when the client asks first", async () => {
    const client = await open();
    client.send(post({ "content-length": 20 * MEGABYTE, expect: "100-continue" }));
    expect(checkError(await client.answer()).status).toBe(413);
  });

  it("holds up nobody else: fifty at once", async () => {
    const many = await Promise.all(Array.from({ length: 50 }, open));
    for (const client of many) client.send(post({ "content-length": 20 * MEGABYTE })).send(Buffer.alloc(MEGABYTE, "x"));
    await expectAlive();
    for (const client of many) expect(checkError(await client.answer()).status).toBe(413);
  });
});

describe("a body within the limit", () => {
  it("is taken in chunks, in slow pieces, and after asking", async () => {
    const client = await open();
    client.send(post({ "transfer-encoding": "chunked" })).send(chunk(submission.slice(0, 5)));
    client.send(`${chunk(submission.slice(5))}0\r\n\r\n`);
    expect((await client.answer()).status).toBe(202);
    client.send(post({ "content-length": submission.length, expect: "100-continue" }));
    expect((await client.answer()).status).toBe(100);
    expect((await client.send(submission).answer()).status).toBe(202);
    client.send(post({ "content-length": submission.length, expect: "something" })).send(submission);
    expect((await client.answer()).status).toBe(202);
  });

  it("of exactly the limit is read", async () => {
    const text = JSON.stringify({ prompt: "x".repeat(MAX_BODY_BYTES - JSON.stringify({ prompt: "" }).length) });
    expect(text).toHaveLength(MAX_BODY_BYTES);
    const client = await open();
    client.send(post({ "content-length": text.length })).send(text);
    expect(checkError(await client.answer())).toMatchObject({ status: 400, code: "context_length_exceeded" });
  });

  it("that breaks off is no failure of ours", async () => {
    for (const headers of [{ "content-length": 1_000 }, { "transfer-encoding": "chunked" }] as const) {
      const client = await open();
      client.send(post(headers)).send(chunk("{"));
      await expectAlive();
      client.close();
      await expectAlive();
    }
    expect(api.logs.join("")).not.toContain("request failed");
  });

  it("is not waited for by a route that takes none", async () => {
    const client = await open();
    const { id } = await api.submit();
    client.send(post({ "content-length": 100 }, `/v1/jobs/${id}/cancel`));
    expect((await client.answer()).status).toBe(200);
  });
});

describe("what is no proper request", () => {
  const long = "x".repeat(20_000);
  it.each([
    ["noise", "\0\x01\x02 hello\r\n\r\n", 400],
    ["a TLS hello", "\x16\x03\x01\x02\0\x01\0", 400],
    ["no version", "GET /livez\r\n\r\n", 400],
    ["no Host", "GET /livez HTTP/1.1\r\n\r\n", 400],
    ["no Host in HTTP/1.0", "GET /livez HTTP/1.0\r\n\r\n", 400],
    ["a Host that is none", head("GET /livez", { host: "a b" }), 400],
    ["a Host with a path", head("GET /livez", { host: "localhost/x" }), 400],
    ["a backslash in the path", head("GET /v1\\jobs"), 400],
    ["an absolute URL that is none", head("GET http://"), 400],
    ["a space in a header's name", head("GET /livez", { "a b": 1 }), 400],
    ["a length that is no number", post({ "content-length": "ten" }), 400],
    ["a negative length", post({ "content-length": -5 }), 400],
    ["two lengths", post({ "content-length": 5, "Content-Length": 6 }), 400],
    ["length and chunks", post({ "content-length": 5, "transfer-encoding": "chunked" }), 400],
    ["a chunk size that is none", `${post({ "transfer-encoding": "chunked" })}zz\r\n`, 400],
    ["a long URL", head(`GET /v1/jobs?q=${long}`), 431],
    ["a long path", head(`GET /v1/jobs/${long}`), 431],
    ["a long header", head("GET /livez", { "x-long": long }), 431],
    ["a long key", head("GET /v1/jobs", { authorization: `Bearer ${long}` }), 431],
    ["CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n", 405],
    ["an unknown method", head("BREW /v1/jobs"), 400],
    ["TRACE", head("TRACE /v1/jobs"), 405],
    ["a star", head("OPTIONS *"), 400],
  ])("%s is refused in the envelope", async (_name, bytes, status) => {
    const client = await open();
    const error = checkError(await client.send(bytes).answer());
    expect(error).toMatchObject({ status, type: "invalid_request_error" });
    await expectAlive();
  });

  it("has no body in the answer to HEAD, where it would be taken for another answer", async () => {
    const client = await open();
    const answer = await client.send(head(`HEAD /v1/jobs/${long}`)).rest();
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(answer.indexOf("\r\n\r\n")).toBe(answer.length - 4);
  });

  it("keeps headers of nearly the limit", async () => {
    const client = await open();
    client.send(head("GET /livez", { "x-long": "x".repeat(15_000) }));
    expect((await client.answer()).status).toBe(200);
  });

  it("does not upgrade", async () => {
    const client = await open();
    const headers = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-key": "a", "sec-websocket-version": 13 };
    expect(checkError(await client.send(head("GET /nowhere", headers)).answer()).status).toBe(404);
  });

  it("answers pipelined requests in order", async () => {
    const client = await open();
    client.send(head("GET /livez") + head("GET /nowhere") + head("GET /livez"));
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await client.answer()).status);
    expect(statuses).toEqual([200, 404, 200]);
  });

  it("is never logged as a failure", () => {
    expect(api.logs.join("")).not.toContain("request failed");
  });
});
