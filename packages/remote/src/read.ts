import { AppError, type EmbedOutcome, type EmbedTask, type RerankOutcome, type RerankTask } from "@llamero/core";
import type OpenAI from "openai";
import { z } from "zod";
import type { RemoteSource } from "./remote-source.ts";
import type { RemoteTask } from "./remote-task.ts";

interface Reading<Task> {
  client: OpenAI;
  source: RemoteSource;
  task: Task;
  running: RemoteTask;
}

/** A stopped task that generates nothing has nothing to show. */
function requireGoing({ stopReason }: RemoteTask): void {
  if (stopReason === null) return;
  const code = stopReason === "deadline" ? "deadline_exceeded" : "cancelled";
  throw new AppError(code, "The task was stopped before it had ended.");
}

async function ask<Answer>(
  { source, running }: Reading<unknown>,
  send: () => Promise<unknown>,
  schema: z.ZodType<Answer>,
): Promise<Answer> {
  running.start();
  requireGoing(running);
  const answer = await send().catch((error: unknown) => {
    requireGoing(running);
    throw error;
  });
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new AppError(
    "backend_failed",
    `The server of ${source.name} answers in a form of its own: ${z.prettifyError(parsed.error)}`,
  );
}

const usageSchema = z
  .object({ prompt_tokens: z.int().nonnegative().optional(), total_tokens: z.int().nonnegative().optional() })
  .nullish();

function usageOf(usage: z.infer<typeof usageSchema>) {
  const prompt_tokens = usage?.prompt_tokens ?? usage?.total_tokens ?? 0;
  return { prompt_tokens, cached_tokens: 0, completion_tokens: 0, total_tokens: prompt_tokens };
}

const embeddingsSchema = z.object({
  data: z.array(z.object({ index: z.int().nonnegative(), embedding: z.array(z.number()).min(1) })),
  usage: usageSchema,
});

/** Servers differ in whether vectors have length 1; ours do. */
function normalise(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return length === 0 ? [...vector] : vector.map((value) => value / length);
}

export async function embed(reading: Reading<EmbedTask>): Promise<EmbedOutcome> {
  const { client, source, task, running } = reading;
  const { input } = task.request;
  const body = { model: source.model, input, encoding_format: "float" as const };
  const send = () => client.embeddings.create(body, { signal: running.signal });
  const { data, usage } = await ask(reading, send, embeddingsSchema);
  const vectors = data.toSorted((a, b) => a.index - b.index).map(({ embedding }) => normalise(embedding));
  if (vectors.length !== input.length)
    throw new AppError(
      "backend_failed",
      `The server of ${source.name} has answered ${input.length} inputs with ${vectors.length} vectors.`,
    );
  return { embeddings: vectors, usage: usageOf(usage), timings: running.timings() };
}

const rankingSchema = z.object({
  results: z.array(z.object({ index: z.int().nonnegative(), relevance_score: z.number() })),
  usage: usageSchema,
});

const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));

export async function rerank(reading: Reading<RerankTask>): Promise<RerankOutcome> {
  const { client, source, task, running } = reading;
  const { query, documents, top_n } = task.request;
  const body = { model: source.model, query, documents, top_n: top_n ?? documents.length };
  const send = () => client.post("/rerank", { body, signal: running.signal });
  const { results, usage } = await ask(reading, send, rankingSchema);
  // Some give the output of the ranking head as it is.
  const areScores = results.every(({ relevance_score: score }) => score >= 0 && score <= 1);
  const scored = results.map(({ index, relevance_score: score }) => ({
    index,
    relevance_score: areScores ? score : sigmoid(score),
  }));
  const sorted = scored.toSorted((a, b) => b.relevance_score - a.relevance_score || a.index - b.index);
  return { results: sorted.slice(0, top_n), usage: usageOf(usage), timings: running.timings() };
}
