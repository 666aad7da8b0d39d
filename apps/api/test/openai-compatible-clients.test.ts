import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import type { Script } from "@llamero/testkit";
import { tool as aiTool, embedMany, generateText, jsonSchema, streamText } from "ai";
import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { calling, saying, useOpenAi } from "./openai-harness.ts";

const harness = useOpenAi();

/** Embeds, asks for a call where there are tools, and else says something in two chunks. */
const script: Script = async (claim, worker) => {
  const { request } = claim;
  if (request.type !== "chat") return worker.succeed(claim);
  return (request.params.tools === undefined ? saying("stop", "Hi ", "there.") : calling)(claim, worker);
};

beforeEach(() => {
  harness.api.worker.script = script;
});

describe("the AI SDK of Vercel", () => {
  const provider = () =>
    createOpenAICompatible({ name: "llamero", baseURL: harness.baseURL, apiKey: "none", includeUsage: true });
  const prompt = "hello";

  it("completes a chat", async () => {
    const { text, finishReason, usage: cost } = await generateText({ model: provider()("tiny"), prompt });
    expect([text, finishReason, cost.totalTokens]).toEqual(["Hi there.", "stop", 7]);
  });

  it("streams one", async () => {
    const { textStream, usage: cost } = streamText({ model: provider()("tiny"), prompt });
    const parts: string[] = [];
    for await (const part of textStream) parts.push(part);
    expect(parts.join("")).toBe("Hi there.");
    expect((await cost).totalTokens).toBe(7);
  });

  it("is asked for a call of a tool", async () => {
    const inputSchema = jsonSchema<{ city: string }>({ type: "object", properties: { city: { type: "string" } } });
    const { toolCalls } = await generateText({
      model: provider()("tiny"),
      prompt,
      tools: { weather: aiTool({ description: "Tells the weather.", inputSchema }) },
    });
    expect(toolCalls).toMatchObject([{ toolName: "weather", input: { city: "Lima" } }]);
  });

  it("embeds", async () => {
    const { embeddings } = await embedMany({ model: provider().embeddingModel("embedder"), values: ["a", "b"] });
    expect(embeddings.map(([first]) => first?.toFixed(3))).toEqual(["0.600", "0.600"]);
  });
});

describe("LangChain", () => {
  const options = () => ({ model: "tiny", apiKey: "none", configuration: { baseURL: harness.baseURL } });

  it("completes a chat", async () => {
    const answer = await new ChatOpenAI(options()).invoke([new HumanMessage("hello")]);
    expect(answer.content).toBe("Hi there.");
    expect(answer.usage_metadata).toMatchObject({ total_tokens: 7 });
  });

  it("streams one", async () => {
    let text = "";
    for await (const chunk of await new ChatOpenAI(options()).stream("hello")) text += chunk.content;
    expect(text).toBe("Hi there.");
  });

  it("is asked for a call of a tool", async () => {
    const weather = tool(() => "sunny", {
      name: "weather",
      description: "Tells the weather.",
      schema: z.object({ city: z.string() }),
    });
    const answer = await new ChatOpenAI(options()).bindTools([weather]).invoke("weather?");
    expect(answer.tool_calls).toMatchObject([{ name: "weather", args: { city: "Lima" } }]);
  });

  it("embeds", async () => {
    const vectors = await new OpenAIEmbeddings({ ...options(), model: "embedder" }).embedDocuments(["a", "b"]);
    expect(vectors.map(([first]) => first?.toFixed(3))).toEqual(["0.600", "0.600"]);
  });
});
