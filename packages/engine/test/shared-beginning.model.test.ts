import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineRuntime } from "../src/index.ts";
import { begin, completion, generate, startTiny } from "./tiny-engine.ts";

let engine: EngineRuntime;
beforeAll(async () => {
  engine = await startTiny({ slots: 4, contextSize: 512 });
});
afterAll(() => engine.close());

/** A text of about 250 tokens that no other test begins with. */
const instructions = (name: string) => `${name}: ${"take every order and say what was bought. ".repeat(25)}`;
const prefillTokens = async () => (await engine.stats())["tiny"]?.prefillTokens ?? 0;

test("jobs that come together compute what their prompts share once, and answer as if each ran alone", async () => {
  const requests = ["lamps", "chairs", "tables", "boxes"].map((thing) =>
    completion(`${instructions("Anna")}Three ${thing}.`, { max_tokens: 12, ignore_eos: true }),
  );
  const before = await prefillTokens();
  const together = await Promise.all(requests.map((request) => generate(engine, request)));
  const computed = (await prefillTokens()) - before;
  const longest = Math.max(...together.map(({ usage }) => usage.prompt_tokens));
  expect(computed).toBeLessThan(longest * 1.5);
  expect(together.filter(({ usage }) => usage.cached_tokens > longest * 0.8)).toHaveLength(3);

  const alone = await startTiny({ slots: 1, contextSize: 512 });
  for (const [index, request] of requests.entries()) expect((await generate(alone, request)).text).toBe(together[index]?.text);
  await alone.close();
});

test("a job goes on by itself when the one it waits for is stopped", async () => {
  const [first, second] = ["one", "two"].map((word) =>
    completion(`${instructions("Bert")}${word}`, { max_tokens: 8, ignore_eos: true }),
  );
  if (first === undefined || second === undefined) throw new Error("two requests");
  const leader = begin(engine, first);
  const follower = begin(engine, second);
  engine.stop(leader.id, "cancelled");
  expect((await leader.outcome).finishReason).toBe("cancelled");
  expect((await follower.outcome).usage.completion_tokens).toBe(8);
});

test("a job that waits for another's beginning is stopped at once", async () => {
  const requests = ["one", "two"].map((word) =>
    completion(`${instructions("Carl")}${word}`, { max_tokens: 200, ignore_eos: true }),
  );
  const [leader, follower] = requests.map((request) => begin(engine, request));
  if (leader === undefined || follower === undefined) throw new Error("two requests");
  engine.stop(follower.id, "deadline");
  expect(await follower.outcome).toMatchObject({ finishReason: "deadline", text: "" });
  engine.stop(leader.id, "cancelled");
  await leader.outcome;
});
