import { readFile } from "node:fs/promises";
import { seededRandom } from "@llamero/testkit";

/** What came in a second. */
export interface LoadStep {
  requests: number;
  /** Of their prompts and completions. */
  tokens: number;
}

const STEP_SECONDS = 10;

/** The recorded hour, second by second: what came in ten is spread over them by chance. */
export async function recordedLoad(seed: number): Promise<LoadStep[]> {
  const text = await readFile(new URL("./azure-llm-2023-conversation.csv", import.meta.url), "utf8");
  const random = seededRandom(seed);
  return text
    .trim()
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, requests = 0, prompt = 0, completion = 0] = line.split(",").map(Number);
      const seconds = Array.from({ length: STEP_SECONDS }, () => ({ requests: 0, tokens: 0 }));
      const each = requests === 0 ? 0 : (prompt + completion) / requests;
      for (let request = 0; request < requests; request++) {
        const second = seconds[random.below(STEP_SECONDS)];
        if (second === undefined) continue;
        second.requests += 1;
        second.tokens += each;
      }
      return seconds;
    });
}
