import type { GenerateRequest } from "@llamero/core";
import type { EngineRuntime } from "@llamero/engine";
import { benchModel } from "../models/bench-model.ts";
import type { Findings } from "../prove/report.ts";
import { openEngine } from "./engine-alone.ts";
import { type EngineProofOptions, NO_REDIS } from "./engine-proof.ts";
import { Prompts } from "./prompts.ts";

interface Sizes {
  prompts: number;
  slots: number;
  tokens: number;
}

const FULL: Sizes = { prompts: 64, slots: 8, tokens: 200 };
const QUICK: Sizes = { prompts: 4, slots: 2, tokens: 20 };
const CONTEXT = 256;
const MEANINGLESS_TOKENS = 12;
const SAMPLED_TEMPERATURE = 0.9;

/** Sentences of the kinds that the bundled model knows. */
const NAMES = ["Tom", "Anna", "Maria", "John", "Lucy", "Ben", "Emma", "Paul"];
const CITIES = ["Oslo", "Paris", "Rome", "Berlin", "Madrid", "London", "Vienna", "Lisbon"];
const sensible = (index: number) => {
  const [name, city] = [NAMES[index % NAMES.length], CITIES[Math.floor(index / NAMES.length) % CITIES.length]];
  return `Extract name, city, quantity and item as JSON: ${name} from ${city} ordered ${(index % 9) + 2} lamps.`;
};

let tasks = 0;

async function answer(engine: EngineRuntime, prompt: string, tokens: number, temperature: number): Promise<string> {
  const params = { seed: 7, max_tokens: tokens, temperature, ignore_eos: true };
  const request: GenerateRequest = { v: 1, type: "chat", messages: [{ role: "user", content: prompt }], params };
  return (await engine.generate({ id: `repro-${++tasks}`, model: "bench", request }, () => {})).text;
}

async function oneByOne(engine: EngineRuntime, prompts: readonly string[], tokens: number, temperature = 0): Promise<string[]> {
  const texts: string[] = [];
  for (const prompt of prompts) texts.push(await answer(engine, prompt, tokens, temperature));
  return texts;
}

const together = (engine: EngineRuntime, prompts: readonly string[], tokens: number, temperature = 0) =>
  Promise.all(prompts.map((prompt) => answer(engine, prompt, tokens, temperature)));

const differing = (a: readonly string[], b: readonly string[]) => a.filter((text, index) => text !== b[index]).length;

/**
 * How far the same request gives the same text: between two runs alone, always; alone and among others, where float sums depend on
 * the shape of the batch, nearly always for prompts that mean something, less often for random words (docs/durability.md).
 */
export async function proveReproducibility(options: EngineProofOptions): Promise<Findings> {
  const { isQuick, seed, log, gpu = "false", threads = 1, contexts = 1 } = options;
  const sizes = isQuick ? QUICK : FULL;
  const path = await benchModel(options.model ?? "tiny");
  const random = await Prompts.of(path, seed);
  const kinds = {
    sensible: Array.from({ length: sizes.prompts }, (_, index) => sensible(index)),
    meaningless: Array.from({ length: sizes.prompts }, () => random.words(MEANINGLESS_TOKENS)),
  };
  const figures: Findings["figures"] = { prompts_each: sizes.prompts, slots: sizes.slots, tokens: sizes.tokens };
  let aloneTwice = 0;
  for (const [kind, prompts] of Object.entries(kinds)) {
    const runs: string[][] = [];
    // An engine of its own for each run: nothing is cached from the one before.
    for (const run of [oneByOne, oneByOne, together]) {
      const engine = await openEngine({ path, slots: sizes.slots, contextSize: CONTEXT, threads, contexts, gpu });
      try {
        runs.push([
          ...(await run(engine, prompts, sizes.tokens)),
          ...(await run(engine, prompts, sizes.tokens, SAMPLED_TEMPERATURE)),
        ]);
      } finally {
        await engine.close();
      }
    }
    const [first = [], second = [], batched = []] = runs;
    const greedy = (texts: readonly string[]) => texts.slice(0, sizes.prompts);
    const sampled = (texts: readonly string[]) => texts.slice(sizes.prompts);
    aloneTwice += differing(first, second);
    figures[`${kind}_greedy_differ_in_batch`] = differing(greedy(first), greedy(batched));
    figures[`${kind}_sampled_differ_in_batch`] = differing(sampled(first), sampled(batched));
    log(`${kind}: done`);
  }
  return {
    redisVersion: NO_REDIS,
    figures,
    claims: [
      { text: "texts that differ between two runs alone, with the same seed", value: aloneTwice, passed: aloneTwice === 0 },
    ],
  };
}
