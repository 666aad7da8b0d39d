import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineRuntime } from "../src/index.ts";
import { chat, generate, startTiny, story } from "./tiny-engine.ts";

/** Each with another part of the sampler, which one slot keeps from task to task. */
const requests = Object.entries({
  greedy: {},
  drawn: { temperature: 1.5, seed: 5 },
  "drawn, one token": { temperature: 1.5, seed: 5, max_tokens: 1 },
  "top k, top p, min p": { temperature: 1.5, seed: 6, top_k: 3, top_p: 0.5, min_p: 0.1 },
  penalties: { repeat_penalty: 1.5, presence_penalty: 0.5, frequency_penalty: 0.5 },
  "drawn, penalties": { temperature: 1.2, seed: 7, repeat_penalty: 1.5, repeat_last_n: 8 },
  DRY: { dry_multiplier: 4, dry_base: 2, dry_allowed_length: 1 },
  "drawn, DRY": { temperature: 1.2, seed: 9, dry_multiplier: 2 },
  XTC: { temperature: 1, seed: 8, xtc_probability: 0.9, xtc_threshold: 0.05 },
  bias: { logit_bias: { 300: 100 }, max_tokens: 5 },
  grammar: { grammar: 'root ::= [a-z]+ " " [0-9]+ "!"' },
}).map(([name, params]) => [name, chat(story, { max_tokens: 24, ...params })] as const);

let engine: EngineRuntime;
beforeAll(async () => {
  engine = await startTiny({ slots: 1 });
});
afterAll(() => engine.close());

async function textAlone(request: (typeof requests)[number][1]): Promise<string> {
  const fresh = await startTiny({ slots: 1 });
  const { text } = await generate(fresh, request);
  await fresh.close();
  return text;
}

test.each(requests)("%s: what a slot sampled before leaves nothing behind", { timeout: 60_000 }, async (_name, request) => {
  const alone = await textAlone(request);
  expect((await generate(engine, request)).text).toBe(alone);
  // A sampler that went on with its own numbers or its own history would differ now.
  expect((await generate(engine, request)).text).toBe(alone);
  for (const [, other] of requests) {
    await generate(engine, other);
    expect((await generate(engine, request)).text).toBe(alone);
  }
});
