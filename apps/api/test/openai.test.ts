import { NotFoundError } from "openai";
import { describe, expect, it, vi } from "vitest";
import { announce } from "./harness.ts";
import { refusal, saying, useOpenAi } from "./openai-harness.ts";

const harness = useOpenAi();

describe("completions", () => {
  it("continues several texts, each with several answers, in their order", async () => {
    harness.api.worker.script = (claim, worker) =>
      worker.succeed(claim, claim.request.type === "completion" ? claim.request.prompt.toUpperCase() : "");
    const answer = await harness.client.completions.create({ model: "tiny", prompt: ["a", "b"], n: 2 });
    expect(answer.choices.map(({ index, text }) => [index, text])).toEqual([
      [0, "A"],
      [1, "A"],
      [2, "B"],
      [3, "B"],
    ]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 8 });
    expect(await harness.api.job(answer.id)).toMatchObject({ type: "completion", params: { max_tokens: 16 } });
  });

  it("streams", async () => {
    harness.api.worker.script = saying("stop", "one", " two");
    let text = "";
    for await (const chunk of await harness.client.completions.create({ model: "tiny", prompt: "a", stream: true }))
      text += chunk.choices[0]?.text ?? "";
    expect(text).toBe("one two");
  });

  it.each([
    [{ prompt: [1, 2] }, "prompt.0"],
    [{ echo: true }, "echo"],
    [{ suffix: "x" }, "suffix"],
    [{ best_of: 2 }, "best_of"],
  ])("refuses %j by name", async (over, param) => {
    expect(await refusal(harness.client.completions.create({ model: "tiny", prompt: "a", ...over } as never))).toMatchObject({
      param,
    });
  });
});

describe("embeddings", () => {
  const base = { model: "embedder", input: ["a", "b"] };
  it("come as the client asks for them by itself, in base64, and as numbers", async () => {
    for (const format of [{}, { encoding_format: "float" as const }]) {
      const { data, usage: cost } = await harness.client.embeddings.create({ ...base, ...format });
      expect(data.map(({ index }) => index)).toEqual([0, 1]);
      expect(data[0]?.embedding.map((value) => Number(value.toFixed(5)))).toEqual([0.6, 0.8]);
      expect(cost).toEqual({ prompt_tokens: 5, total_tokens: 5 });
    }
  });

  it("are refused in other dimensions than the model's, and of token ids", async () => {
    expect(await refusal(harness.client.embeddings.create({ ...base, dimensions: 7 }))).toMatchObject({ param: "dimensions" });
    expect(await refusal(harness.client.embeddings.create({ ...base, input: [1, 2] }))).toMatchObject({ param: "input.0" });
  });
});

describe("models", () => {
  it("are listed page by page, and read by their name, also with a slash in it", async () => {
    await announce(harness.api.store, "hf:a/b:q4");
    const names: string[] = [];
    for await (const { id } of harness.client.models.list()) names.push(id);
    expect(names.toSorted()).toEqual(["embedder", "hf:a/b:q4", "tiny"]);
    expect(await harness.client.models.retrieve("hf:a/b:q4")).toMatchObject({
      id: "hf:a/b:q4",
      object: "model",
      owned_by: "llamero",
    });
    expect(await refusal(harness.client.models.retrieve("none"))).toBeInstanceOf(NotFoundError);
  });
});

describe("a name that stands for several models", () => {
  it("has embeddings held to the dimensions of the model that runs them", async () => {
    await announce(harness.api.store, "narrow", { embedding_length: 2 });
    const aliases = { mixed: { targets: [{ model: "embedder" }, { model: "narrow" }] } };
    await harness.api.post("/v1/admin/settings", { settings: { aliases } });
    await vi.waitFor(() => harness.client.models.retrieve("mixed"), { interval: 10 });
    const asked = Array.from({ length: 30 }, () =>
      harness.client.embeddings.create({ model: "mixed", input: "a", dimensions: 192 }),
    );
    const outcomes = await Promise.allSettled(asked);
    const answered = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.model] : []));
    expect(new Set(answered)).toEqual(new Set(["embedder"]));
    expect(answered.length).toBeLessThan(30);
  });
});
