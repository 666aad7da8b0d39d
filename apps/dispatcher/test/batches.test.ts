import { AppError } from "@llamero/core";
import type { ResultLine } from "@llamero/openai";
import type { Storage } from "@llamero/storage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type BatchWorld, chat, chats, ids, line, openBatchWorld, text } from "./batch-world.ts";

let world: BatchWorld;
let dispatcher: { stop(): Promise<void> };
beforeEach(async () => {
  world = await openBatchWorld();
  dispatcher = await world.dispatch();
});
afterEach(() => world[Symbol.asyncDispose]());

/** r0, r1, … */
const named = (count: number) => Array.from({ length: count }, (_, index) => `r${index}`);

const answerSchema = z.object({ choices: z.array(z.object({ message: z.object({ content: z.string() }) })) });

/** What a chat has answered. */
function contentOf(response: ResultLine["response"] | undefined): string | undefined {
  return answerSchema.parse(response?.body).choices[0]?.message.content;
}

describe("a batch", () => {
  it("answers every line, in their order, and leaves no job behind", async () => {
    world.worker.script = async (claim, worker) => {
      const { request } = claim;
      const said = request.type === "chat" ? `heard: ${request.messages[0]?.content}` : "";
      await worker.succeed(claim, said);
    };
    const id = await world.start(text(chats(300)));
    const batch = await world.ended(id);
    expect(batch).toMatchObject({ counts: { total: 300, completed: 300, failed: 0 }, model: "tiny", errorFileId: null });
    expect(batch.usage).toEqual({ inputTokens: 1_500, cachedTokens: 0, outputTokens: 600 });
    const { output } = await world.written(id);
    expect(ids(output)).toEqual(named(300));
    for (const [index, each] of output.entries()) {
      expect(each).toMatchObject({ error: null, response: { status_code: 200 } });
      expect(each.response?.body).toMatchObject({ object: "chat.completion" });
      expect(contentOf(each.response)).toBe(`heard: say ${index}`);
      expect(each.id).toMatch(/^batch_req_[0-9a-z]{26}$/);
    }
    expect(await world.jobs()).toEqual([]);
    const { at } = batch;
    expect([at.in_progress, at.finalizing, at.completed].every((time) => time !== null)).toBe(true);
  });

  it("takes lines of every endpoint, with several answers too", async () => {
    world.worker.script = (claim, worker) => worker.succeed(claim, "yes");
    const kinds = [
      ["/v1/chat/completions", chat("a", { n: 3 }), { object: "chat.completion" }],
      ["/v1/completions", { model: "tiny", prompt: ["a", "b"], n: 2 }, { object: "text_completion" }],
      ["/v1/embeddings", { model: "embedder", input: ["a", "b"] }, { object: "list" }],
      [
        "/v1/responses",
        { model: "tiny", input: "a", metadata: { k: "v" } },
        { object: "response", status: "completed", metadata: { k: "v" } },
      ],
      ["/v1/rerank", { model: "tiny", query: "q", documents: ["a", "b"] }, { object: "list" }],
    ] as const;
    for (const [endpoint, body, answer] of kinds) {
      const id = await world.start(text([line("one", body, endpoint), line("two", body, endpoint)]), { endpoint });
      await world.ended(id);
      const { output } = await world.written(id);
      expect(ids(output)).toEqual(["one", "two"]);
      expect(output[1]?.response?.body).toMatchObject(answer);
    }
    expect(await world.jobs()).toEqual([]);
  });

  it("takes lines that ask for what stands for several models, and sends each to one of them", async () => {
    world.settings.current = { aliases: { "gpt-4.1": { targets: [{ model: "tiny" }, { model: "embedder" }] }, old: "gone" } };
    await world.dispatch();
    const id = await world.start(
      text(Array.from({ length: 40 }, (_, index) => line(`r${index}`, chat("hi", { model: "gpt-4.1" })))),
    );
    expect((await world.ended(id)).counts).toEqual({ total: 40, completed: 40, failed: 0 });
    const { output } = await world.written(id);
    const models = output.map(({ response }) => (response?.body as { model: string } | undefined)?.model);
    expect(new Set(models)).toEqual(new Set(["tiny", "embedder"]));
    const other = await world.start(text([line("r", chat("hi", { model: "old" }))]));
    const { errors } = await world.ended(other, "failed");
    expect(errors[0]?.message).toContain('There is no model "gone", for which "old" stands.');
  });

  it("writes down what fails, with the reason", async () => {
    world.worker.script = (claim, worker) => {
      const content = claim.request.type === "chat" ? claim.request.messages[0]?.content : "";
      if (content === "say 1")
        return worker.end(claim, {
          status: "failed",
          error: { code: "engine_failed", message: "The engine failed." },
        });
      return worker.succeed(claim, "yes");
    };
    const id = await world.start(text([...chats(3), line("two", chat("say 1", { n: 2 }))]));
    expect((await world.ended(id)).counts).toEqual({ total: 4, completed: 2, failed: 2 });
    const { output, error } = await world.written(id);
    expect([ids(output), ids(error)]).toEqual([
      ["r0", "r2"],
      ["r1", "two"],
    ]);
    expect(error[0]).toMatchObject({
      error: null,
      response: { status_code: 500, body: { error: { code: "engine_failed", type: "server_error" } } },
    });
  });

  it("leaves out blank lines, and takes a BOM, CRLF and a last line without an end", async () => {
    world.worker.script = (claim, worker) => worker.succeed(claim, "yes");
    const [a, b, c] = chats(3);
    const id = await world.start(`\ufeff${a}\r\n\r\n${b}\r\n   \r\n${c}`);
    expect((await world.ended(id)).counts.total).toBe(3);
    expect(ids((await world.written(id)).output)).toEqual(["r0", "r1", "r2"]);
  });

  it("keeps a bounded number of jobs waiting, and others overtake them", async () => {
    world.worker.script = null;
    const id = await world.start(text(chats(9_000)));
    // It has been given back, and nothing is under way.
    await world.until(id, ({ next }) => next >= 9);
    await expect.poll(() => world.redis.hexists(world.store.keys.batch(id), "held")).toBe(0);
    const waiting = (await world.jobs()).length;
    expect(waiting).toBeGreaterThan(3_900);
    expect(waiting).toBeLessThan(4_600);
    await world.store.batches.cancel({ id, owner: "local" });
    expect((await world.ended(id, "cancelled")).counts).toEqual({ total: 9_000, completed: 0, failed: 9_000 });
    expect(await world.jobs()).toEqual([]);
  });
});

describe("a batch that is cancelled", () => {
  it("keeps what is done, and each line stands in one file once", async () => {
    let left = 40;
    world.worker.script = async (claim, worker) => {
      if (left-- > 0) return worker.succeed(claim, "yes");
      // It runs until it is told to stop.
      await world.store.cancel({ id: claim.jobId, owner: "local" }, true);
    };
    const id = await world.start(text(chats(200)));
    await world.until(id, ({ counts }) => counts.completed >= 40);
    await world.store.batches.cancel({ id, owner: "local" });
    const batch = await world.ended(id, "cancelled");
    const { output, error } = await world.written(id);
    expect(output).toHaveLength(40);
    expect(new Set([...ids(output), ...ids(error)])).toEqual(new Set(named(200)));
    expect(output.length + error.length).toBe(200);
    expect(batch.counts).toEqual({ total: 200, completed: 40, failed: 160 });
    expect(error.every((each) => each.response === null && each.error?.code === "batch_cancelled")).toBe(true);
    expect(await world.jobs()).toEqual([]);
  });

  it("while it is checked has ended at once", async () => {
    await dispatcher.stop();
    const id = await world.start(text(chats(3)));
    await world.store.batches.cancel({ id, owner: "local" });
    dispatcher = await world.dispatch();
    expect(await world.ended(id, "cancelled")).toMatchObject({ outputFileId: null, errorFileId: null });
  });
});

describe("a batch whose time is over", () => {
  it("expires, with what is done", async () => {
    world.worker.script = async (claim, worker) => {
      const content = claim.request.type === "chat" ? claim.request.messages[0]?.content : "";
      if (content === "say 0") await worker.succeed(claim, "yes");
    };
    const id = await world.start(text(chats(50)), { windowSeconds: 1 });
    const sweeping = sweepUntil(async () => (await world.batch(id)).hasEnded);
    const batch = await world.ended(id, "expired");
    await sweeping;
    expect(batch.counts).toEqual({ total: 50, completed: 1, failed: 49 });
    const { output, error } = await world.written(id);
    expect(ids(output)).toEqual(["r0"]);
    expect(ids(error)).toEqual(named(50).slice(1));
    expect(new Set(error.map((each) => each.error?.code))).toEqual(new Set(["batch_expired"]));
    expect(await world.jobs()).toEqual([]);
  });
});

/** What the sweeper of a dispatcher does. */
async function sweepUntil(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await world.store.sweep({ retentionMs: 1, limit: 100 });
}

describe("what is in the way", () => {
  it("pauses a batch with a reason, and it goes on by itself when there is room", async () => {
    world.worker.script = null;
    world.maxWaiting = 20;
    const id = await world.start(text(chats(100)));
    expect((await world.until(id, ({ paused }) => paused !== null)).paused).toContain("Too many jobs wait");
    world.maxWaiting = 1_000_000;
    world.worker.script = (claim, worker) => worker.succeed(claim, "yes");
    await world.worker.drain();
    // It is looked at again after the time that was told.
    await world.redis.zadd(`${world.store.keys.base}batches_due`, 0, id);
    expect(await world.ended(id)).toMatchObject({ counts: { completed: 100 }, paused: null });
  });

  it("loses nothing when the storage is away", async () => {
    await dispatcher.stop();
    world.worker.script = (claim, worker) => worker.succeed(claim, "yes");
    let isAway = true;
    const away = () => new AppError("storage_unavailable", "The file storage does not answer; try again in a moment.");
    const storage: Storage = {
      ...world.storage,
      write: async (name, source) => {
        if (isAway) throw away();
        return world.storage.write(name, source);
      },
    };
    dispatcher = await world.dispatch({ storage });
    const id = await world.start(text(chats(100)));
    expect((await world.until(id, ({ paused }) => paused !== null)).paused).toContain("storage");
    isAway = false;
    await world.redis.zadd(`${world.store.keys.base}batches_due`, 0, id);
    await world.ended(id);
    expect(ids((await world.written(id)).output)).toEqual(named(100));
  });
});

describe("several dispatchers", () => {
  it("that take a batch from each other write each line once", async () => {
    world.worker.script = (claim, worker) => worker.succeed(claim, "yes");
    const others = [await world.dispatch(), await world.dispatch()];
    const id = await world.start(text(chats(3_000)));
    for (let seizures = 0; seizures < 60 && !(await world.batch(id)).hasEnded; seizures++)
      await world.redis.zadd(`${world.store.keys.base}batches_due`, 0, id);
    const batch = await world.ended(id);
    expect(batch.counts).toEqual({ total: 3_000, completed: 3_000, failed: 0 });
    expect(ids((await world.written(id)).output)).toEqual(named(3_000));
    expect(await world.jobs()).toEqual([]);
    for (const other of others) await other.stop();
  });
});

describe("reusing a batch", () => {
  it("runs only what had failed, and has all lines in its output", async () => {
    let ran = 0;
    let isBroken = true;
    world.worker.script = (claim, worker) => {
      ran += 1;
      const content = claim.request.type === "chat" ? claim.request.messages[0]?.content : "";
      if (isBroken && content?.endsWith("7"))
        return worker.end(claim, { status: "failed", error: { code: "engine_failed", message: "no" } });
      return worker.succeed(claim, isBroken ? "first" : "second");
    };
    const inputFileId = await world.upload(text(chats(120)));
    const first = await world.start("", { inputFileId });
    expect((await world.ended(first)).counts).toEqual({ total: 120, completed: 108, failed: 12 });
    [isBroken, ran] = [false, 0];
    const second = await world.start("", { inputFileId, reuse: first });
    expect(await world.ended(second)).toMatchObject({ counts: { total: 120, completed: 120, failed: 0 }, model: "tiny" });
    expect(ran).toBe(12);
    const { output } = await world.written(second);
    expect(ids(output)).toEqual(named(120));
    const said = output.map(({ response }) => contentOf(response));
    expect(
      said
        .map((each, index) => [index, each])
        .filter(([, each]) => each === "second")
        .map(([index]) => index),
    ).toEqual(Array.from({ length: 12 }, (_, index) => index * 10 + 7));
  });
});
