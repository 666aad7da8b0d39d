import OpenAI from "openai";
import { expect, test } from "vitest";
import { Deployment } from "./deployment.ts";

/** A review made from a template, and what the bundled model is to say of it. */
const reviews = [
  ["I love it.", "positive"],
  ["I hate it.", "negative"],
] as const;

test("the official client runs chats, streams, tools, schemas and embeddings on the bundled model", async () => {
  await using deployment = await Deployment.open();
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const client = new OpenAI({ baseURL: `${api.process.ready.url}/v1`, apiKey: "none", maxRetries: 0 });
  const model = "tiny";
  for (const [text, sentiment] of reviews) {
    const messages = [{ role: "user" as const, content: `Classify the sentiment: ${text}` }];
    const answer = await client.chat.completions.create({ model, messages, temperature: 0 });
    expect(answer.choices[0]?.message.content).toContain(sentiment);
    const stream = client.chat.completions.stream({ model, messages, temperature: 0, stream_options: { include_usage: true } });
    const streamed = await stream.finalChatCompletion();
    expect(streamed.choices[0]?.message.content).toBe(answer.choices[0]?.message.content);
    expect(streamed.usage?.completion_tokens).toBe(answer.usage?.completion_tokens);
  }

  const messages = [{ role: "user" as const, content: "What is the weather in Lima?" }];
  const parameters = { type: "object", properties: { city: { enum: ["Lima", "Cusco"] } }, required: ["city"] };
  const called = await client.chat.completions.create({
    model,
    messages,
    temperature: 0,
    tools: [{ type: "function", function: { name: "weather", parameters } }],
    tool_choice: "required",
  });
  const [call] = called.choices[0]?.message.tool_calls ?? [];
  expect(called.choices[0]?.finish_reason).toBe("tool_calls");
  expect(JSON.parse(call?.type === "function" ? call.function.arguments : "")).toEqual({
    city: expect.stringMatching(/Lima|Cusco/),
  });

  const conforming = await client.chat.completions.create({
    model,
    messages,
    temperature: 0,
    response_format: { type: "json_schema", json_schema: { name: "place", strict: true, schema: parameters } },
  });
  expect(Object.keys(JSON.parse(conforming.choices[0]?.message.content ?? ""))).toEqual(["city"]);

  const { data } = await client.embeddings.create({ model, input: ["one", "two"] });
  expect(data.map(({ embedding }) => Math.hypot(...embedding).toFixed(3))).toEqual(["1.000", "1.000"]);

  const continued = await client.completions.create({ model, prompt: ["Once", "The"], max_tokens: 4, temperature: 0 });
  expect(continued.choices.map(({ text }) => text.length > 0)).toEqual([true, true]);
});
