import type { Token } from "node-llama-cpp";
import { expect, test } from "vitest";
import { logitBiases, samplingOptions, stopTexts } from "./sampling.ts";

test("is greedy and always seeded where the request says nothing", () => {
  expect(samplingOptions({ seed: 7 }, [], 4096)).toEqual({ temperature: 0, topK: 40, topP: 0.95, minP: 0, seed: 7 });
});

test("passes the seed 0 on", () => {
  expect(samplingOptions({ seed: 0 }, [], 4096).seed).toBe(0);
});

test("penalises the last generated tokens", () => {
  const generated = [1, 2, 3] as Token[];
  const { repeatPenalty } = samplingOptions({ seed: 1, frequency_penalty: 0.5, repeat_last_n: 2 }, generated, 4096);
  generated.push(4 as Token);
  const punished = typeof repeatPenalty?.punishTokens === "function" ? repeatPenalty.punishTokens() : [];
  expect(punished).toEqual([3, 4]);
  expect(repeatPenalty).toMatchObject({ penalty: 1, frequencyPenalty: 0.5, presencePenalty: 0, maxPunishTokens: 2 });
});

test("maps DRY and XTC, -1 meaning the whole context", () => {
  const options = samplingOptions({ seed: 1, dry_multiplier: 0.8, dry_penalty_last_n: -1, xtc_probability: 0.5 }, [], 4096);
  expect(options.dryRepeatPenalty).toEqual({ strength: 0.8, base: 1.75, allowedLength: 2, lastTokens: 4096 });
  expect(options.xtc).toEqual({ probability: 0.5, threshold: 0.1 });
});

test("leaves out what is off", () => {
  const options = samplingOptions({ seed: 1, dry_multiplier: 0, xtc_probability: 0, repeat_penalty: 1 }, [], 4096);
  expect(Object.keys(options)).not.toEqual(expect.arrayContaining(["repeatPenalty"]));
  expect([options.dryRepeatPenalty, options.xtc]).toEqual([undefined, undefined]);
});

test("refuses a bias on a token that the model does not have", () => {
  expect(() => logitBiases({ seed: 1, logit_bias: { "2048": 1 } }, 2048, () => [])).toThrow(/token 2048.*0 to 2047/);
});

test("bans every end token when they are to be ignored", () => {
  const biases = logitBiases({ seed: 1, ignore_eos: true, logit_bias: { "5": -100 } }, 10, () => [2, 3] as Token[]);
  expect([...biases]).toEqual([
    [5, -100],
    [2, Number.NEGATIVE_INFINITY],
    [3, Number.NEGATIVE_INFINITY],
  ]);
});

test("reads one stop text or many", () => {
  expect([stopTexts({ seed: 1 }), stopTexts({ seed: 1, stop: "a" }), stopTexts({ seed: 1, stop: ["a", "b"] })]).toEqual([
    [],
    ["a"],
    ["a", "b"],
  ]);
});
