import type { Job } from "@llamero/core";
import type { LlameroProcess } from "@llamero/testkit";
import { expect, test } from "vitest";
import { type Client, Deployment, decoding, longJob, sentiment } from "./deployment.ts";

const TURNS = 20;
const questions = [
  "What is a webhook?",
  "What is 7 + 5?",
  "What is a queue?",
  "Name the capital of France.",
  "What is the opposite of hot?",
];

/** A client that sends the whole conversation with each turn, as they all do. */
class Conversation {
  readonly turns: Job[] = [];
  readonly #messages: object[] = [];
  readonly #api: Client;

  constructor(api: Client) {
    this.#api = api;
  }

  async say(): Promise<Job> {
    this.#messages.push({ role: "user", content: questions[this.turns.length % questions.length] });
    const body = {
      messages: this.#messages,
      session_id: "talk",
      params: { max_tokens: 16, temperature: 0.7, seed: this.turns.length },
    };
    const job = await this.#api.ended((await this.#api.submit(body)).id);
    if (job.output === null || !("message" in job.output)) throw new Error(`the turn ended as ${job.status}`);
    this.#messages.push(job.output.message);
    this.turns.push(job);
    return job;
  }

  /** Of the prompts' tokens, the part that was read by the model. */
  get reread(): number {
    const sum = (field: "prompt_tokens" | "cached_tokens") =>
      this.turns.reduce((total, { usage }) => total + (usage?.[field] ?? Number.NaN), 0);
    return 1 - sum("cached_tokens") / sum("prompt_tokens");
  }
}

async function open(slots: number) {
  const deployment = await Deployment.open({ LLAMERO_SLOTS: String(slots) });
  const [api, ...workers] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("worker")]);
  /** Which worker has run a job. */
  const workerOf = async (job: Job): Promise<LlameroProcess> => {
    const { workerPid } = await deployment.stored(job.id);
    const worker = workers.find(({ child }) => child.pid === workerPid);
    if (worker === undefined) throw new Error(`no worker has the process id ${workerPid}`);
    return worker;
  };
  return { deployment, api, workerOf };
}

test("a conversation of 20 turns stays with one of two workers, among other jobs, and reads a tenth of its prompts at most", async () => {
  const { deployment, api, workerOf } = await open(4);
  await using _ = deployment;
  const conversation = new Conversation(api);
  const workers = new Set<LlameroProcess>();
  const others = new Set<LlameroProcess>();
  for (let turn = 0; turn < TURNS; turn++) {
    workers.add(await workerOf(await conversation.say()));
    const between = await Promise.all([api.submit(sentiment), api.submit(sentiment), api.submit(sentiment)]);
    for (const { id } of between) others.add(await workerOf(await api.ended(id)));
  }
  expect(workers.size).toBe(1);
  expect(others.size).toBe(2);
  expect(conversation.reread).toBeLessThanOrEqual(0.1);
});

test("when its worker is killed between two turns, the conversation goes on at the other, at once, and stays there", async () => {
  const { deployment, api, workerOf } = await open(4);
  await using _ = deployment;
  const conversation = new Conversation(api);
  const first = await workerOf(await conversation.say());
  expect(await workerOf(await conversation.say())).toBe(first);
  await first.kill();
  const next = await conversation.say();
  const second = await workerOf(next);
  expect(second).not.toBe(first);
  expect(next.attempts).toBe(1);
  expect(next.timings?.queue_ms).toBeLessThan(1_000);
  for (let turn = 0; turn < 3; turn++) {
    const { usage } = await conversation.say();
    expect(usage?.cached_tokens).toBeGreaterThan((usage?.prompt_tokens ?? 0) / 2);
  }
});

test("when a worker is killed, the turns that waited for it run at the other, and what it ran goes on there", async () => {
  const { deployment, api, workerOf } = await open(1);
  await using _ = deployment;
  const turn = (session_id: string) => api.submit({ ...longJob, params: { ...longJob.params, max_tokens: 600 }, session_id });
  const homeOf = async (session: string) => workerOf(await api.ended((await turn(session)).id));
  const doomed = await homeOf("a");
  let other = "b";
  while ((await homeOf(other)) === doomed) other += "b";

  // As they come, each worker's turn is with the other's half of the time.
  const turns: Job[] = [];
  for (const session of ["a", other, other, "a", "a", other]) turns.push(await turn(session));
  const running = turns[0]?.id ?? "";
  await api.until(running, decoding(1));
  expect(await workerOf(await api.until(running, decoding(1)))).toBe(doomed);
  await doomed.kill();
  const ended = await Promise.all(turns.map(({ id }) => api.ended(id)));
  expect(ended.map(({ status }) => status)).toEqual(turns.map(() => "succeeded"));
  const attempts = ended.map((job) => job.attempts);
  expect(ended[0]).toMatchObject({ attempts: 2, resumed_from: expect.any(Number) });
  // Besides the one that ran there, the one that the worker had in hand.
  expect(attempts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(turns.length + 2);
});
