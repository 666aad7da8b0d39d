import type { ModelEntry } from "@llamero/core";

/** What a worker announces of the bundled model, for tests that need a model in the catalogue and no engine. */
export const tinyEntry: Omit<ModelEntry, "v" | "slug"> = {
  name: "tiny",
  base: null,
  backend: null,
  context_length: 1_024,
  capabilities: ["chat", "completion", "embedding"],
  embedding_length: 192,
  max_token_bytes: 16,
  parameters: 2_400_000,
  size_bytes: 2_500_000,
  architecture: "llama",
  quantization: "Q8_0",
  digest: "0".repeat(64),
  is_default: true,
  registered_at_ms: 1,
};
