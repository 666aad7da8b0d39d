import type { GgufFileInfo } from "node-llama-cpp";
import { expect, test } from "vitest";
import { capabilitiesOf, maxTokenBytes } from "./model-facts.ts";

const info = (architecture: string, metadata: object = {}) =>
  ({ metadata: { general: { architecture } }, architectureMetadata: metadata }) as unknown as GgufFileInfo;

const vocabulary = (model: string, tokens: string[]) =>
  ({ metadata: { tokenizer: { ggml: { model, tokens } } } }) as unknown as GgufFileInfo;

test("chats only with a template", () => {
  expect(capabilitiesOf(info("llama"), true)).toEqual(["chat", "completion", "embedding"]);
  expect(capabilitiesOf(info("llama"), false)).toEqual(["completion", "embedding"]);
});

test("only embeds with a model that reads in both directions", () => {
  expect(capabilitiesOf(info("bert", { attention: { causal: false } }), false)).toEqual(["embedding"]);
});

test("reranks with a model that pools to a rank and has a head for it", () => {
  const ranker = info("bert", { attention: { causal: false }, pooling_type: 4 });
  const fullTensorInfo = [{ name: "cls.output.weight" }] as GgufFileInfo["fullTensorInfo"];
  expect(capabilitiesOf({ ...ranker, fullTensorInfo } as GgufFileInfo, false)).toEqual(["rerank"]);
  expect(capabilitiesOf(ranker, false)).toEqual([]);
});

test("offers nothing with encoder-decoder models", () => {
  expect(capabilitiesOf(info("t5"), true)).toEqual([]);
});

test("measures tokens in bytes of text", () => {
  expect(maxTokenBytes(vocabulary("llama", ["a", "▁▁ab", "日"]))).toBe(4);
  expect(maxTokenBytes(vocabulary("gpt2", ["ab", "ĠĠĠ"]))).toBe(3);
});

test("promises nothing for tokenizers that fold white space", () => {
  expect(maxTokenBytes(vocabulary("bert", ["ab"]))).toBe(1_000_000);
});
