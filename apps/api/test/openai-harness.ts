import { answering, type Script } from "@llamero/testkit";
import OpenAI, { APIError } from "openai";
import type { ResponseStreamEvent } from "openai/resources/responses/responses";
import { afterEach, beforeEach } from "vitest";
import { type ApiOptions, type Harness, useApi } from "./harness.ts";

export const usage = { prompt_tokens: 5, cached_tokens: 3, completion_tokens: 2, total_tokens: 7 };
export const timings = { queue_ms: 1, prefill_ms: 2, first_token_ms: 3, generate_ms: 4 };

/** A call that a model asks for. */
export const call = { id: "call_1", type: "function" as const, function: { name: "weather", arguments: '{"city":"Lima"}' } };

/** An API that listens, in front of a worker that answers, and OpenAI's own client of it, which does not try again by itself. */
export interface OpenAiHarness {
  api: Harness;
  client: OpenAI;
  baseURL: string;
}

export function useOpenAi(options: ApiOptions = {}): OpenAiHarness {
  const api = useApi(options);
  const harness = { api } as OpenAiHarness;
  let close = async () => {};
  beforeEach(async () => {
    const server = await api.listen();
    close = () => server.close();
    harness.baseURL = `${server.url}/v1`;
    harness.client = new OpenAI({ baseURL: harness.baseURL, apiKey: "none", maxRetries: 0 });
    api.worker.script = answering;
  });
  afterEach(() => close());
  return harness;
}

/** A client with a key of its own. */
export async function withKey({ api, client }: OpenAiHarness, owner: string, limits = {}): Promise<OpenAI> {
  const { key } = await api.store.apiKeys.create({ by: "test", owner, name: "", nowMs: 1, limits });
  api.forgetKeys();
  return client.withOptions({ apiKey: key });
}

/** Writes some words, one a chunk, then ends with them. */
export const saying =
  (finish_reason: "stop" | "length", ...words: string[]): Script =>
  async (claim, worker) => {
    for (const [index, word] of words.entries()) await worker.write(claim, index + 1, word);
    const result = { text: words.join(""), finish_reason, usage, timings };
    await worker.end(claim, { status: "succeeded", result, completionTokens: words.length });
  };

/** Asks for the call. */
export const calling: Script = (claim, worker) =>
  worker.end(claim, {
    status: "succeeded",
    result: { text: "", finish_reason: "tool_calls", tool_calls: [call], usage, timings },
    completionTokens: 2,
  });

/** What a call was refused with, by the client's own classes. */
export async function refusal(asked: Promise<unknown>): Promise<InstanceType<typeof APIError>> {
  const error = await asked.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof APIError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

/** The events of a response's stream, to its end. */
export async function eventsOf(stream: Promise<AsyncIterable<ResponseStreamEvent>>): Promise<ResponseStreamEvent[]> {
  const events: ResponseStreamEvent[] = [];
  for await (const event of await stream) events.push(event);
  return events;
}
