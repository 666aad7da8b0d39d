import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";

/** One answer to a submission. */
export interface Submission {
  status: number;
  /** Of the accepted job; null for others. */
  id: string | null;
  /** As it was sent; null where it was not. */
  retryAfter: string | null;
  tookMs: number;
}

export interface OpenLoopOptions {
  url: URL;
  perSecond: number;
  seconds: number;
  body: () => string;
}

/** How often requests that are due are sent, in milliseconds. */
const TICK_MS = 5;
/** An answer that never came, as a status. */
const NO_ANSWER = 0;

function submit(agent: Agent, url: URL, body: string): Promise<Submission> {
  const startedAt = performance.now();
  const { promise, resolve } = Promise.withResolvers<Submission>();
  const done = (status: number, id: string | null, retryAfter: string | null) =>
    resolve({ status, id, retryAfter, tookMs: performance.now() - startedAt });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const sent = request(url, { method: "POST", agent, headers }, (response) => {
    const { statusCode = NO_ANSWER } = response;
    text(response).then(
      (answer) =>
        done(
          statusCode,
          statusCode === 202 ? (JSON.parse(answer) as { id: string }).id : null,
          response.headers["retry-after"] ?? null,
        ),
      () => done(NO_ANSWER, null, null),
    );
  });
  sent.on("error", () => done(NO_ANSWER, null, null)).end(body);
  return promise;
}

/** Submits at a rate that nothing slows down, whatever is answered: what is due is sent, also while earlier answers are awaited. */
export async function submitAtRate({ url, perSecond, seconds, body }: OpenLoopOptions): Promise<Submission[]> {
  const agent = new Agent({ keepAlive: true });
  const submissions: Promise<Submission>[] = [];
  const startedAt = performance.now();
  const total = Math.round(perSecond * seconds);
  while (submissions.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * perSecond));
    while (submissions.length < due) submissions.push(submit(agent, url, body()));
    await pause(TICK_MS);
  }
  const answers = await Promise.all(submissions);
  agent.destroy();
  return answers;
}
