import { setTimeout as pause } from "node:timers/promises";
import type { Job } from "@llamero/core";
import { type Deployment, MODEL } from "./deployment.ts";
import { followJob } from "./follow-job.ts";
import type { PlannedJob } from "./job-plan.ts";
import type { Entry, Ledger } from "./ledger.ts";
import type { Progress } from "./progress.ts";

/** Clients that submit at the same time. */
const CLIENTS = 12;
/** Jobs that have been accepted and have not ended; more are not submitted. */
const MOST_UNDER_WAY = 300;
/** Clients look again after so many milliseconds whether there is room. */
const LOOK_EVERY_MS = 50;
/** Every so many submissions, one is made twice at the same time, under one key. */
const TWICE_EVERY = 7;
/** Every so many submissions, one waits for the result in the same call. */
const WAITING_EVERY = 11;

export interface ClientsOptions {
  deployment: Deployment;
  jobs: readonly PlannedJob[];
  ledger: Ledger;
  progress: Progress;
  /** Gives up. */
  signal: AbortSignal;
}

/** Submits all jobs and does with each what is planned; resolves when every one is accepted, and its cancel and its reading are through. */
export async function runClients(options: ClientsOptions): Promise<void> {
  const { jobs, ledger, progress, signal } = options;
  const left = jobs.values();
  const afterwards: Promise<void>[] = [];
  const client = async () => {
    for (const planned of left) {
      while (ledger.entries.length - progress.ended >= MOST_UNDER_WAY) await pause(LOOK_EVERY_MS, null, { signal });
      const entry = await submit(options, planned);
      afterwards.push(...accompany(options, entry));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await Promise.all(afterwards);
}

async function submit({ deployment, ledger, signal }: ClientsOptions, planned: PlannedJob): Promise<Entry> {
  const { client, webhookUrl } = deployment;
  const metadata = { index: String(planned.index) };
  const body = { ...planned.body, ...planned.timing, ...planned.session, model: MODEL, metadata, webhook: { url: webhookUrl } };
  const prefer: Record<string, string> = planned.index % WAITING_EVERY === 0 ? { prefer: "wait=2" } : {};
  const headers = { "idempotency-key": `job-${planned.index}`, ...prefer };
  const send = () => client.json<Job>("/v1/jobs", { method: "POST", body, headers }, signal);
  const [job, ...again] = await Promise.all(planned.index % TWICE_EVERY === 0 ? [send(), send()] : [send()]);
  const entry = ledger.note(planned, job);
  for (const same of again) {
    entry.ids.add(same.id);
    ledger.see(entry, same);
  }
  return entry;
}

/** What goes on beside the job. */
function accompany({ deployment: { client }, ledger, signal }: ClientsOptions, entry: Entry): Promise<void>[] {
  const { cancelAfterMs, isFollowed } = entry.planned;
  const cancel = async (afterMs: number) => {
    await pause(afterMs, null, { signal });
    entry.wasCancelled = true;
    ledger.see(entry, await client.json<Job>(`/v1/jobs/${entry.id}/cancel`, { method: "POST" }, signal));
  };
  const follow = async () => {
    entry.reading = await followJob(client, entry.id, signal);
    if (entry.reading.job !== null) ledger.see(entry, entry.reading.job);
  };
  return [...(cancelAfterMs === null ? [] : [cancel(cancelAfterMs)]), ...(isFollowed ? [follow()] : [])];
}
