import { expect, it } from "vitest";
import { admit } from "./admission.ts";
import type { JobRequest } from "./job-request.ts";
import type { ModelEntry } from "./model.ts";

const model: ModelEntry = {
  v: 1,
  base: null,
  backend: null,
  name: "tiny",
  slug: "tiny",
  context_length: 100,
  capabilities: ["chat", "completion", "embedding", "rerank"],
  embedding_length: 8,
  max_token_bytes: 10,
  parameters: 1,
  size_bytes: 1,
  architecture: "llama",
  quantization: null,
  digest: "",
  is_default: true,
  registered_at_ms: 0,
};
const completion = (prompt: string, max_tokens?: number): JobRequest => ({
  v: 1,
  type: "completion",
  prompt,
  params: { seed: 1, ...(max_tokens === undefined ? {} : { max_tokens }) },
});
const chat = (...contents: string[]): JobRequest => ({
  v: 1,
  type: "chat",
  messages: contents.map((content) => ({ role: "user", content })),
  params: { seed: 1 },
});
const embedding = (...input: string[]): JobRequest => ({ v: 1, type: "embedding", input });
const rerank = (query: string, ...documents: string[]): JobRequest => ({ v: 1, type: "rerank", query, documents });

it("takes what may fit", () => {
  for (const request of [completion("x".repeat(1_000)), chat("x".repeat(500), "x".repeat(500)), completion("x", 99)])
    expect(() => admit(request, model, "prompt")).not.toThrow();
  // Every input of an embedding has the context to itself.
  expect(() => admit(embedding("x".repeat(1_000), "x".repeat(1_000)), model, "prompt")).not.toThrow();
  // So has every pair of query and document.
  expect(() => admit(rerank("x".repeat(500), "x".repeat(500), "x".repeat(500)), model, "prompt")).not.toThrow();
});

it.each([
  [completion("x".repeat(1_001)), "prompt", /1001 bytes, at least 101 tokens; tiny holds 100/],
  [completion("é".repeat(501)), "prompt", /1002 bytes, at least 101 tokens/],
  [chat("x".repeat(600), "x".repeat(600)), "messages", /1200 bytes, at least 120 tokens/],
  [embedding("x".repeat(1_001)), "input", /1001 bytes/],
  [embedding("x", "x".repeat(1_001)), "input.1", /1001 bytes/],
  [rerank("x".repeat(500), "x", "x".repeat(501)), "documents.1", /1001 bytes/],
  [completion("x".repeat(11), 99), "params.max_tokens", /at least 2 tokens and max_tokens is 99; together tiny holds 100/],
])("refuses what surely does not fit, with the numbers", (request, param, message) => {
  const field = request.type === "chat" ? "messages" : "prompt";
  expect(() => admit(request, model, field)).toThrow(
    expect.objectContaining({ code: "context_length_exceeded", param, message: expect.stringMatching(message) }),
  );
});

it("refuses a type that the model does not do", () => {
  expect(() => admit(chat("x"), { ...model, capabilities: ["embedding"] }, "prompt")).toThrow(
    expect.objectContaining({
      code: "unsupported_capability",
      param: "model",
      message: expect.stringMatching(/^tiny does embedding, not chat\. Name/),
    }),
  );
  expect(() => admit(rerank("x", "y"), { ...model, capabilities: ["chat"] }, "prompt")).toThrow(
    expect.objectContaining({ code: "unsupported_capability" }),
  );
});
