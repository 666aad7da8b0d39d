import type { GenerateRequest } from "@llamero/core";
import type { ChatCompletionCreateParamsStreaming, CompletionCreateParamsStreaming } from "openai/resources";
import type { RemoteSource } from "./remote-source.ts";

const STREAMED = { stream: true, stream_options: { include_usage: true } };
/** OpenAI asks for a name; callers of jobs may leave it out. */
const SCHEMA_NAME = "answer";

type Params = GenerateRequest["params"];

function responseFormat({ response_format: format }: Params): object {
  if (format === undefined) return {};
  if (format.type !== "json_schema") return { response_format: format };
  return { response_format: { ...format, json_schema: { name: SCHEMA_NAME, ...format.json_schema } } };
}

/**
 * What goes over the wire as it came: parameters have OpenAI's names where it has them, and llama.cpp's otherwise. What is absent is as
 * the server has it, but for the temperature, which is 0 with us.
 */
function common(params: Params, { model, without }: RemoteSource): Record<string, unknown> {
  const body = { model, temperature: 0, ...params, ...responseFormat(params), ...STREAMED };
  return Object.fromEntries(Object.entries(body).filter(([name]) => !without.includes(name)));
}

export function chatBody(
  { messages, params }: Extract<GenerateRequest, { type: "chat" }>,
  source: RemoteSource,
): ChatCompletionCreateParamsStreaming {
  return { ...common(params, source), messages } as unknown as ChatCompletionCreateParamsStreaming;
}

export function completionBody(
  { prompt, params }: Extract<GenerateRequest, { type: "completion" }>,
  source: RemoteSource,
): CompletionCreateParamsStreaming {
  return { ...common(params, source), prompt } as unknown as CompletionCreateParamsStreaming;
}
