import { connectRedis } from "@llamero/store";
import { answering, type Script, type StandInWorker } from "@llamero/testkit";
import { AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from "openai";
import { describe, expect, it, vi } from "vitest";
import { refusal, useOpenAi, withKey } from "./openai-harness.ts";

const harness = useOpenAi({ answerMs: 3_000 });
const messages = [{ role: "user" as const, content: "hello" }];
const chatBody = { model: "tiny", messages };

/** Does nothing until it is let go. */
function holding(): { script: Script; started: Promise<{ jobId: string }>; let: () => void } {
  const started = Promise.withResolvers<{ jobId: string }>();
  const gate = Promise.withResolvers<void>();
  const script: Script = async (claim, worker: StandInWorker) => {
    await worker.write(claim, 1, "so far");
    started.resolve(claim);
    await gate.promise;
    const ended = await worker.store.finish(claim, { status: "queued" });
    if (ended.outcome === "finished") await worker.add(ended.fed);
  };
  return { script, started: started.promise, let: () => gate.resolve() };
}

describe("a client that goes away", () => {
  it.each([false, true])("cancels its job (stream: %s)", async (stream) => {
    const { script, started, let: letGo } = holding();
    harness.api.worker.script = script;
    const aborter = new AbortController();
    const call = harness.client.chat.completions.create({ ...chatBody, stream } as never, { signal: aborter.signal });
    const reading = (async () => {
      const answer = (await call) as unknown as AsyncIterable<unknown>;
      for await (const _chunk of answer);
    })().catch(() => {});
    const { jobId } = await started;
    aborter.abort();
    await reading;
    await vi.waitFor(async () => expect(await harness.api.job(jobId)).toMatchObject({ status: "cancelled" }), {
      timeout: 5_000,
      interval: 20,
    });
    letGo();
  });

  it("leaves it where it asked to", async () => {
    const { script, started, let: letGo } = holding();
    harness.api.worker.script = script;
    const aborter = new AbortController();
    const call = harness.client.chat.completions.create(chatBody, {
      signal: aborter.signal,
      headers: { "x-llamero-keep": "true" },
    });
    const { jobId } = await started;
    aborter.abort();
    await call.catch(() => {});
    harness.api.worker.script = answering;
    letGo();
    await vi.waitFor(async () => expect(await harness.api.job(jobId)).toMatchObject({ status: "succeeded" }), {
      timeout: 5_000,
      interval: 20,
    });
  });
});

describe("errors are those of the client's own classes", () => {
  const failing: Script = (claim, worker) =>
    worker.end(claim, { status: "failed", error: { code: "context_length_exceeded", message: "Too long." } });

  it("what a job fails with", async () => {
    harness.api.worker.script = failing;
    const error = await refusal(harness.client.chat.completions.create(chatBody));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ code: "context_length_exceeded", message: expect.stringContaining("Too long.") });
  });

  it("also in a stream", async () => {
    harness.api.worker.script = failing;
    const stream = await harness.client.chat.completions.create({ ...chatBody, stream: true });
    const error = await refusal(
      (async () => {
        for await (const _chunk of stream);
      })(),
    );
    expect(error).toMatchObject({ code: "context_length_exceeded", message: expect.stringContaining("Too long.") });
  });

  it("an unknown model, and one that cannot do it", async () => {
    expect(await refusal(harness.client.chat.completions.create({ ...chatBody, model: "none" }))).toBeInstanceOf(NotFoundError);
    expect(await refusal(harness.client.chat.completions.create({ ...chatBody, model: "embedder" }))).toMatchObject({
      status: 400,
      code: "unsupported_capability",
    });
  });

  it("a key that is wrong, and one that has had its share", async () => {
    const alice = await withKey(harness, "alice", { requests_per_minute: 1 });
    expect(await refusal(harness.client.models.list())).toBeInstanceOf(AuthenticationError);
    await alice.chat.completions.create(chatBody);
    const limited = await refusal(alice.chat.completions.create(chatBody));
    expect(limited).toBeInstanceOf(RateLimitError);
    expect(limited.headers?.get("retry-after")).toBe("60");
  });

  it("of several answers one too many is refused as a whole: none of them is left", async () => {
    const alice = await withKey(harness, "alice", { requests_per_minute: 2 });
    harness.api.worker.script = null;
    expect(await refusal(alice.chat.completions.create({ ...chatBody, n: 3 }))).toBeInstanceOf(RateLimitError);
    const list = await harness.api.request("/v1/jobs", { headers: { authorization: `Bearer ${alice.apiKey}` } });
    const { data } = (await list.json()) as { data: { status: string }[] };
    expect(data.map(({ status }) => status)).toEqual(["cancelled", "cancelled"]);
  });

  it("no answer in time: its jobs are ended then, in a stream too, and it is not asked again", async () => {
    harness.api.worker.script = null;
    const retrying = harness.client.withOptions({ maxRetries: 2 });
    const late = await refusal(retrying.chat.completions.create(chatBody));
    expect([late.status, late.code, late.headers?.get("x-should-retry")]).toEqual([408, "answer_timeout", "false"]);
    const stream = await harness.client.chat.completions.create({ ...chatBody, stream: true });
    const reading = (async () => {
      for await (const _chunk of stream);
    })();
    expect(await refusal(reading)).toMatchObject({ code: "answer_cancelled" });
    const { data } = (await (await harness.api.request("/v1/jobs")).json()) as { data: { status: string }[] };
    expect(data.map(({ status }) => status)).toEqual(["cancelled", "cancelled"]);
  });

  it("so much waiting that no answer would come in time is refused at once, in words of the call", async () => {
    const { server, store } = harness.api;
    const connection = await connectRedis(server.url, "commands");
    const now = await store.now();
    // One token a second is made, and each job takes its whole cost.
    await connection.hset(store.keys.drain("tiny"), {
      at: now,
      since: now - 3_600_000,
      jobs: 1,
      tokens: 1,
      token_ms: 1_000,
      output: 100,
    });
    connection.disconnect();
    await harness.api.worker.open(0);
    for (let i = 0; i < 10; i++) await harness.api.submit();
    const error = await refusal(harness.client.chat.completions.create(chatBody));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({
      code: "deadline_unreachable",
      param: null,
      message: expect.stringContaining("no answer within 3 s"),
    });
  });
});
