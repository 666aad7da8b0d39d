import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { describe, expect, it, vi } from "vitest";
import { GrpcClient, type GrpcJob, readAll } from "./grpc-client.ts";
import { useGrpc } from "./use-grpc.ts";

interface Result {
  /** Absent for 0. */
  index?: number;
  result: "job" | "error";
  job?: GrpcJob;
  error?: { code: string; message: string; param?: string; status: number; retry_after_seconds?: number };
}

const api = useGrpc({ maxWaiting: 5_000 });
const open = (metadata: Record<string, string> = {}) => api.grpc.duplex<Result>("SubmitStream", { metadata });

const indices = (results: readonly Result[]) => results.map(({ index = 0 }) => index);

async function write(stream: ClientDuplexStream<object, Result>, messages: Iterable<object>): Promise<void> {
  for (const message of messages) if (!stream.write(message)) await once(stream, "drain");
  stream.end();
}

async function submitAll(messages: readonly object[], metadata: Record<string, string> = {}): Promise<Result[]> {
  const stream = open(metadata);
  const reading = readAll(stream);
  await write(stream, messages);
  const { messages: results, error } = await reading;
  expect(error).toBeNull();
  return results;
}

describe("SubmitStream", () => {
  it("stores thousands of jobs and answers each in its turn", async () => {
    await api.worker.open(0);
    const prompts = Array.from({ length: 3_000 }, (_, index) => `prompt ${index}`);
    const results = await submitAll(prompts.map((prompt) => ({ prompt, metadata: { prompt } })));
    expect(indices(results)).toEqual(prompts.map((_, index) => index));
    expect(results.map(({ job }) => job?.["metadata"])).toEqual(prompts.map((prompt) => ({ prompt })));
    expect(new Set(results.map(({ job }) => job?.id)).size).toBe(prompts.length);
  });

  it("answers a message before the next one is sent", async () => {
    const stream = open();
    const results = stream[Symbol.asyncIterator]();
    for (let index = 0; index < 3; index++) {
      stream.write({ prompt: "a" });
      const result: Result = (await results.next()).value;
      expect([indices([result]), result.result]).toEqual([[index], "job"]);
    }
    stream.end();
    expect((await results.next()).done).toBe(true);
  });

  it("tells one message what is wrong with it, and goes on", async () => {
    const results = await submitAll([
      { prompt: "a" },
      { prompt: "a", params: { temperature: 9 } },
      {},
      { prompt: "b", model: "none" },
      { prompt: "c" },
    ]);
    expect(results.map(({ result }) => result)).toEqual(["job", "error", "error", "error", "job"]);
    expect(results[1]?.error).toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining("params.temperature"),
      param: "params.temperature",
      status: 3,
    });
    expect(results[3]?.error).toMatchObject({ code: "model_not_found", status: 5 });
  });

  it("tells those for which there is no room when there may be", async () => {
    await api.worker.open(0);
    await api.fill();
    const [refused] = await submitAll([{ prompt: "a" }]);
    expect(refused?.error).toMatchObject({ code: "backlog_full", status: 8, retry_after_seconds: expect.any(Number) });
  });

  it("is safe to send again, with a key for all or one for each", async () => {
    const messages = [{ prompt: "a" }, { prompt: "b" }];
    const ids = (results: Result[]) => results.map(({ job }) => job?.id);
    const metadata = { "idempotency-key": "all" };
    const first = ids(await submitAll(messages, metadata));
    expect(ids(await submitAll(messages, metadata))).toEqual(first);
    const keyed = messages.map((message, index) => ({ ...message, idempotency_key: `own-${index}` }));
    const own = ids(await submitAll(keyed));
    expect(own).not.toEqual(first);
    expect(ids(await submitAll(keyed.toReversed()))).toEqual(own.toReversed());
  });

  it("reads no more from a client that does not read its answers", async () => {
    await api.worker.open(0);
    const accepting = vi.spyOn(api.store, "accept");
    const stream = open();
    const first = once(stream, "data");
    stream.write({ prompt: "a" });
    // A stock client takes in everything until it is read from for the first time.
    const seen = (await first) as [Result];
    stream.pause();
    let written = 1;
    const message = {
      prompt: "a",
      metadata: Object.fromEntries(Array.from({ length: 16 }, (_, key) => [`${key}`, "x".repeat(500)])),
    };
    let isHeldBack = false;
    stream.on("drain", () => {
      isHeldBack = false;
    });
    // Buffers on the way take some; what comes after that stays with the client.
    for (let still = 0; still < 200; ) {
      const before = accepting.mock.calls.length;
      if (!isHeldBack) {
        written += 1;
        isHeldBack = !stream.write(message);
      }
      await turn();
      still = accepting.mock.calls.length === before && isHeldBack ? still + 1 : 0;
    }
    const accepted = accepting.mock.calls.length;
    expect(accepted).toBeLessThan(written);
    accepting.mockRestore();
    const reading = readAll(stream);
    stream.end();
    const { messages, error } = await reading;
    expect(error).toBeNull();
    const results = [...seen, ...messages];
    expect(indices(results)).toEqual(Array.from({ length: written }, (_, index) => index));
    expect(results.every(({ result }) => result === "job")).toBe(true);
  });

  it("stops where its client leaves; what was answered is stored", async () => {
    const stream = open();
    stream.on("error", () => {});
    stream.write({ prompt: "a" });
    const [result] = (await once(stream, "data")) as [Result];
    stream.cancel();
    expect(await api.job(result.job?.id ?? "")).toMatchObject({ status: "queued" });
  });

  it("ends with an error when this process stops, behind the answers to what it has taken", async () => {
    const own = await api.replica();
    const server = await own.listenGrpc();
    const client = new GrpcClient(server.url);
    const stream = client.duplex<Result>("SubmitStream");
    const reading = readAll(stream);
    stream.write({ prompt: "a" });
    await once(stream, "data");
    const startedAt = performance.now();
    await server.close();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(await reading).toMatchObject({
      messages: [{ result: "job" }],
      error: { code: "UNAVAILABLE", reason: "api_stopping" },
    });
    client.close();
  });
});
