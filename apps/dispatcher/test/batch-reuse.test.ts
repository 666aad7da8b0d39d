import type { ResultLine } from "@llamero/openai";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type BatchWorld, chat, ids, line, openBatchWorld, text } from "./batch-world.ts";

let world: BatchWorld;
let claims: number;
beforeEach(async () => {
  world = await openBatchWorld();
  await world.dispatch();
  world.settings.current = { reuse: { mode: "all" } };
  claims = 0;
  world.worker.script = async (claim, worker) => {
    claims += 1;
    await worker.succeed(claim, "yes");
  };
});
afterEach(() => world[Symbol.asyncDispose]());

/** So many lines that ask for the same. */
const same = (count: number, over: object = {}) =>
  Array.from({ length: count }, (_, index) => line(`r${index}`, chat("say", { temperature: 0, ...over })));

/** A line of an output without what is of its job alone, and with numbers as a vector keeps them. */
function answerOf({ custom_id, response }: ResultLine): string {
  const body = { ...response?.body, id: null, created: null, usage: null };
  return JSON.stringify({ custom_id, body }, (_, value) => (typeof value === "number" ? Math.fround(value) : value));
}

it("computes lines that ask for the same a single time, and writes all of them", async () => {
  const id = await world.start(text(same(90)));
  expect(await world.ended(id)).toMatchObject({ counts: { total: 90, completed: 90, failed: 0 } });
  const { output } = await world.written(id);
  expect(ids(output)).toEqual(Array.from({ length: 90 }, (_, index) => `r${index}`));
  expect(new Set(output.map((each) => answerOf({ ...each, custom_id: "" }))).size).toBe(1);
  expect(claims).toBe(1);
  expect(await world.jobs()).toEqual([]);
});

it("answers a batch without a worker whose lines were all answered before, of whatever kind they are", async () => {
  const kinds = [
    ["/v1/chat/completions", chat("a", { temperature: 0, n: 3 })],
    ["/v1/embeddings", { model: "embedder", input: ["a", "b"] }],
    ["/v1/rerank", { model: "tiny", query: "q", documents: ["a", "b"] }],
  ] as const;
  for (const [endpoint, body] of kinds) {
    const content = text(["r0", "r1"].map((customId) => line(customId, body, endpoint)));
    const first = await world.start(content, { endpoint });
    await world.ended(first);
    await world.worker.open(0);
    const before = claims;
    const second = await world.start(content, { endpoint });
    const batch = await world.ended(second);
    expect(batch).toMatchObject({ counts: { total: 2, completed: 2, failed: 0 } });
    expect(batch.usage.cachedTokens).toBe(batch.usage.inputTokens);
    const answers = async (batch: string) => (await world.written(batch)).output.map(answerOf);
    expect(await answers(second)).toEqual(await answers(first));
    expect(claims).toBe(before);
    await world.worker.open(4);
  }
});

it("computes a line that says so, and all of them where the settings say so", async () => {
  await world.ended(await world.start(text(same(1))));
  await world.ended(await world.start(text(same(3, { reuse: false }))));
  expect(claims).toBe(4);
  world.settings.current = { reuse: { mode: "off" } };
  await world.ended(await world.start(text(same(3))));
  expect(claims).toBe(7);
});

it("writes every line of a batch that is cancelled while lines wait for one that runs", async () => {
  const { promise: hasBegun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: mayEnd, resolve: letEnd } = Promise.withResolvers<void>();
  world.worker.script = async (claim, worker) => {
    begin();
    await mayEnd;
    await worker.acknowledgeCancel(claim, "ye");
  };
  const id = await world.start(text(same(20)));
  await hasBegun;
  await world.until(id, () => true);
  await world.store.batches.cancel({ id, owner: "local" });
  letEnd();
  const batch = await world.ended(id, "cancelled");
  expect(batch.counts).toMatchObject({ total: 20, completed: 0, failed: 20 });
  expect((await world.written(id)).error).toHaveLength(20);
  expect(await world.jobs()).toEqual([]);
});
