import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { WebhookReceiver } from "@llamero/testkit";
import OpenAI, { toFile } from "openai";
import { afterAll, expect, test } from "vitest";
import { Deployment } from "./deployment.ts";
import { makeReviews, type Review } from "./reviews.ts";

const folder = await mkdtemp(join(tmpdir(), "llamero-batch-"));
afterAll(() => rm(folder, { recursive: true }));
const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const env = {
  ...{ DATA_DIR: folder, LLAMERO_SLOTS: "8", LLAMERO_WEBHOOK_ALLOW: "127.0.0.1/32", LLAMERO_WEBHOOK_HTTP: "true" },
  LLAMERO_WEBHOOK_SECRET: secret,
};

const requestOf = ({ id, text }: Review) => ({
  custom_id: id,
  method: "POST",
  url: "/v1/chat/completions",
  body: {
    ...{ model: "tiny", temperature: 0, max_tokens: 4 },
    messages: [{ role: "user", content: `Classify the sentiment of this review as positive, negative or neutral: ${text}` }],
  },
});

interface OutputLine {
  custom_id: string;
  response: { status_code: number; body: OpenAI.ChatCompletion };
}

/** The official client, and what a batch does with it. */
class Batches {
  readonly client: OpenAI;

  constructor(url: string) {
    this.client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", webhookSecret: secret });
  }

  async start(reviews: readonly Review[], over: object = {}): Promise<OpenAI.Batch> {
    const lines = reviews.map((review) => `${JSON.stringify(requestOf(review))}\n`).join("");
    const file = await this.client.files.create({ file: await toFile(Buffer.from(lines), "reviews.jsonl"), purpose: "batch" });
    const wanted = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
    return this.client.batches.create({ ...wanted, ...over });
  }

  /** The batch as soon as it is so; the answer itself paces the loop. */
  async until(id: string, isSo: (batch: OpenAI.Batch) => boolean): Promise<OpenAI.Batch> {
    const end = performance.now() + 90_000;
    for (;;) {
      const batch = await this.client.batches.retrieve(id);
      if (isSo(batch)) return batch;
      if (performance.now() > end) throw new Error(`still ${JSON.stringify(batch)}`);
    }
  }

  ended(id: string): Promise<OpenAI.Batch> {
    return this.until(id, ({ status }) => ["completed", "failed", "expired", "cancelled"].includes(status));
  }

  async linesOf(fileId: string | null | undefined): Promise<OutputLine[]> {
    if (!fileId) return [];
    const text = await (await this.client.files.content(fileId)).text();
    return text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as OutputLine);
  }
}

const answerOf = (line: OutputLine | undefined) => line?.response.body.choices[0]?.message.content?.trim() ?? "";

test("500 reviews are classified through the official client, chats go before them, and a signed webhook tells of the end", async () => {
  await using receiver = await WebhookReceiver.start();
  await using deployment = await Deployment.open(env);
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("dispatcher")]);
  await api.call("POST", "/v1/webhook-endpoints", {
    url: `${receiver.url}/`,
    secret,
    events: ["batch.completed", "response.completed"],
  });
  const batches = new Batches(api.process.ready.url ?? "");
  const { client } = batches;
  const reviews = makeReviews(500, 7);
  const { id, status } = await batches.start(reviews, { metadata: { run: "one" } });
  expect(status).toBe("validating");

  await batches.until(id, ({ request_counts }) => (request_counts?.completed ?? 0) > 0);
  const chat = await client.chat.completions.create({
    model: "tiny",
    messages: [{ role: "user", content: "What is your name?" }],
  });
  expect(chat.choices[0]?.finish_reason).toBe("stop");
  expect((await client.batches.retrieve(id)).status).toBe("in_progress");

  const batch = await batches.ended(id);
  expect(batch).toMatchObject({
    ...{ status: "completed", error_file_id: null, metadata: { run: "one" }, model: "tiny" },
    request_counts: { total: 500, completed: 500, failed: 0 },
  });
  const lines = await batches.linesOf(batch.output_file_id);
  expect(lines.map((line) => line.custom_id)).toEqual(reviews.map((review) => review.id));
  const wrong = reviews.filter((review, index) => answerOf(lines[index]) !== review.sentiment);
  expect(wrong.length / reviews.length, JSON.stringify(wrong.slice(0, 20))).toBeLessThanOrEqual(0.05);
  const tokens = lines.reduce((sum, line) => sum + (line.response.body.usage?.total_tokens ?? 0), 0);
  expect(batch.usage?.total_tokens).toBe(tokens);

  const told = await receiver.until(({ body }) => body.includes(id));
  const event = await client.webhooks.unwrap(told.body, told.headers);
  expect(event).toMatchObject({ object: "event", type: "batch.completed", data: { id } });
  expect(event.id).toBe(told.headers["webhook-id"]);

  const response = await client.responses.create({ model: "tiny", input: "What is your name?", background: true });
  const ofResponse = await receiver.until(({ body }) => body.includes(response.id));
  expect(await client.webhooks.unwrap(ofResponse.body, ofResponse.headers)).toMatchObject({
    ...{ type: "response.completed", data: { id: response.id } },
  });
  const listed: string[] = [];
  for await (const each of client.batches.list({ limit: 1 })) listed.push(each.id);
  expect(listed).toEqual([id]);
});

test("a batch whose dispatchers are killed, and that is cancelled and run again, has each line once", async () => {
  await using deployment = await Deployment.open(env);
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const batches = new Batches(api.process.ready.url ?? "");
  const reviews = makeReviews(400, 8);
  const ids = reviews.map((review) => review.id);
  const { id } = await batches.start(reviews);
  let done = 0;
  for (let kills = 0; kills < 3; kills++) {
    const dispatcher = await deployment.start("dispatcher");
    await batches.until(id, ({ request_counts }) => (request_counts?.completed ?? 0) > done);
    await dispatcher.kill();
    done = (await batches.client.batches.retrieve(id)).request_counts?.completed ?? 0;
  }
  await deployment.start("dispatcher");
  await batches.until(id, ({ output_file_id }) => Boolean(output_file_id));
  expect((await batches.client.batches.cancel(id)).status).toBe("cancelling");
  const cancelled = await batches.ended(id);
  expect(cancelled.status).toBe("cancelled");
  const [output, errors] = [await batches.linesOf(cancelled.output_file_id), await batches.linesOf(cancelled.error_file_id)];
  expect([...output, ...errors].map((line) => line.custom_id).toSorted()).toEqual(ids.toSorted());
  expect(output.length).toBe(cancelled.request_counts?.completed);

  const again = (await api.call("POST", `/v1/batches/${id}/retry`)).body as OpenAI.Batch;
  const completed = await batches.ended(again.id);
  expect(completed).toMatchObject({ status: "completed", request_counts: { total: 400, completed: 400, failed: 0 } });
  const lines = await batches.linesOf(completed.output_file_id);
  expect(lines.map((line) => line.custom_id)).toEqual(ids);
  const before = new Map(output.map((line) => [line.custom_id, JSON.stringify(line)]));
  expect(lines.filter((line) => before.get(line.custom_id) === JSON.stringify(line))).toHaveLength(output.length);
});

test("Anthropic's client sends messages and message batches", async () => {
  await using deployment = await Deployment.open(env);
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("dispatcher")]);
  const client = new Anthropic({ baseURL: api.process.ready.url ?? "", apiKey: "none", maxRetries: 0 });
  const reviews = makeReviews(24, 9);
  const requests = reviews.map((review) => ({
    custom_id: review.id,
    params: requestOf(review).body as Anthropic.MessageCreateParams,
  }));
  const stream = client.messages.stream({
    model: "tiny",
    max_tokens: 20,
    messages: [{ role: "user", content: "What is your name?" }],
  });
  expect((await stream.finalMessage()).stop_reason).toBe("end_turn");
  const { id } = await client.messages.batches.create({ requests: requests as never });
  let batch = await client.messages.batches.retrieve(id);
  const end = performance.now() + 60_000;
  while (batch.processing_status !== "ended" && performance.now() < end) batch = await client.messages.batches.retrieve(id);
  expect(batch.request_counts).toEqual({ processing: 0, succeeded: 24, errored: 0, canceled: 0, expired: 0 });
  const results: string[] = [];
  for await (const line of await client.messages.batches.results(id)) {
    if (line.result.type !== "succeeded") throw new Error(line.result.type);
    expect(line.result.message).toMatchObject({ type: "message", role: "assistant", model: "tiny" });
    results.push(line.custom_id);
  }
  expect(results).toEqual(reviews.map((review) => review.id));
  expect(await client.messages.batches.delete(id)).toEqual({ id, type: "message_batch_deleted" });
  await expect(client.messages.batches.retrieve(id)).rejects.toThrow("There is no message batch");
});
