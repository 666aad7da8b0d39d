import type { LlamaModel, Token } from "node-llama-cpp";

/** Steps after the first, which pays for the first touch of weights and buffers. */
const STEPS = 9;
/** A large model is timed by fewer steps. */
const BUDGET_MS = 500;
const CONTEXT_SIZE = 256;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.POSITIVE_INFINITY;
}

/**
 * Median milliseconds of a few steps that compute `tokensPerStep` tokens, which is what a step of as many decoding slots costs.
 * The quickest step would flatter several threads: their start is quick at best and slow as a rule.
 */
export async function timeStep(model: LlamaModel, threads: number, tokensPerStep: number): Promise<number> {
  const context = await model.createContext({ sequences: 1, contextSize: CONTEXT_SIZE, batchSize: CONTEXT_SIZE, threads });
  try {
    const sequence = context.getSequence();
    const tokens = new Array<Token>(Math.min(tokensPerStep, CONTEXT_SIZE / (STEPS + 2))).fill(1 as Token);
    await sequence.evaluateWithoutGeneratingNewTokens(tokens);
    const steps: number[] = [];
    const startedAtMs = performance.now();
    while (steps.length < STEPS && performance.now() - startedAtMs < BUDGET_MS) {
      const stepAtMs = performance.now();
      await sequence.evaluateWithoutGeneratingNewTokens(tokens);
      steps.push(performance.now() - stepAtMs);
    }
    return median(steps);
  } finally {
    await context.dispose();
  }
}
