import type { EngineRuntime } from "@llamero/engine";
import { openEngine } from "../engine/engine-alone.ts";
import { Prompts } from "../engine/prompts.ts";

export interface Trial {
  /** The model's file. */
  path: string;
  seed: number;
  candidates: number;
  slots: number;
  /** That each prompt is answered with. */
  tokens: number;
}

export interface ChosenPrompt {
  /** Among the candidates, from 0. */
  index: number;
  text: string;
  /** What the model answers when nothing interrupts it. */
  answer: string;
}

const CONTEXT = 1_024;
const ENGINE = { contexts: 1, threads: 1, gpu: "false" } as const;
const MEANINGLESS_TOKENS = 12;
const NAMES = ["Tom", "Anna", "Maria", "John", "Lucy", "Ben", "Emma", "Paul"];
const THINGS = ["lamp", "letter", "ring", "kettle", "map", "bell", "lantern", "drum"];
/** Of the kinds that the bundled model knows, by turns with random words. */
const KINDS = [
  (name: string, thing: string) => `Write a short story about ${name} and a ${thing}.`,
  (name: string, thing: string) => `Extract name, city, quantity and item as JSON: ${name} from Oslo ordered 3 ${thing}s.`,
  (name: string, thing: string) => `Classify the sentiment: ${name} says that the ${thing} never worked.`,
];

/** Settings of every generation: greedy, and to the last token that it may have. */
export const paramsOf = (tokens: number) => ({ seed: 7, max_tokens: tokens, temperature: 0, ignore_eos: true });

async function candidatesOf({ path, seed, candidates }: Trial): Promise<string[]> {
  const random = await Prompts.of(path, seed);
  return Array.from({ length: candidates }, (_, index) => {
    const kind = KINDS[index % (KINDS.length + 1)];
    const [name, thing] = [NAMES[index % NAMES.length] ?? "", THINGS[Math.floor(index / NAMES.length) % THINGS.length] ?? ""];
    return kind?.(name, thing) ?? random.words(MEANINGLESS_TOKENS);
  });
}

async function answer(engine: EngineRuntime, prompt: string, tokens: number): Promise<string> {
  const request = {
    v: 1 as const,
    type: "chat" as const,
    messages: [{ role: "user" as const, content: prompt }],
    params: paramsOf(tokens),
  };
  return (await engine.generate({ id: crypto.randomUUID(), model: "bench", request }, () => {})).text;
}

/**
 * Runs every candidate alone and then in a full batch, with an engine of its own for each, and keeps those that are answered alike:
 * what interrupts them is all that could make them differ later.
 */
export async function choosePrompts(trial: Trial): Promise<ChosenPrompt[]> {
  const { path, slots, tokens } = trial;
  const candidates = await candidatesOf(trial);
  const run = async (lanes: number) => {
    const engine = await openEngine({ path, slots, contextSize: CONTEXT, ...ENGINE });
    try {
      const answers: string[] = [];
      for (let at = 0; at < candidates.length; at += lanes)
        answers.push(...(await Promise.all(candidates.slice(at, at + lanes).map((prompt) => answer(engine, prompt, tokens)))));
      return answers;
    } finally {
      await engine.close();
    }
  };
  const [alone, batched] = [await run(1), await run(slots)];
  return candidates.flatMap((text, index) => {
    const own = alone[index] ?? "";
    return own === batched[index] ? [{ index, text, answer: own }] : [];
  });
}
