import type { JobStatus } from "@llamero/core";
import type { RunScript } from "./scripts.ts";

/** A job at one moment, as far as its events go. */
export interface EventPage {
  status: JobStatus;
  /** The latest; counted from 1, 0 before the first. */
  attempt: number;
  /** How many there are, of all attempts. */
  chunks: number;
  /** What this attempt and those before it have emitted is no more: the job has begun anew. 0: it never has. */
  anewBehind: number;
  /** Those behind the position that was asked for, or from the first when there are not so many; a page at most. */
  news: { k: number; text: string; tokens: number }[];
}

/** An answer ends with the chunk that reaches one of these. A follower holds no more than one answer. */
const PAGE_CHUNKS = 256;
const PAGE_BYTES = 65_536;

/** Up to where a follower has everything: so many chunks, the last of them in this attempt. */
export interface Behind {
  chunks: number;
  attempt: number;
}

/** What has happened in an owner's job behind so many chunks; null when there is no such job. */
export async function readEvents(run: RunScript, job: { id: string; owner: string }, behind: Behind): Promise<EventPage | null> {
  const args = [job.id, job.owner, behind.chunks, behind.attempt, PAGE_CHUNKS, PAGE_BYTES];
  const reply = (await run("events", args)) as (string | number)[];
  const [status, attempt, chunks, anewBehind, first, ...pairs] = reply;
  if (status === undefined) return null;
  const news = [];
  for (let i = 0; i < pairs.length; i += 2)
    news.push({ k: Number(first) + i / 2, text: String(pairs[i]), tokens: Number(pairs[i + 1]) });
  const numbers = { attempt: Number(attempt), chunks: Number(chunks), anewBehind: Number(anewBehind) };
  return { status: status as JobStatus, ...numbers, news };
}
