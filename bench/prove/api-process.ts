import { execFile } from "node:child_process";
import { setImmediate as turn } from "node:timers/promises";
import { promisify } from "node:util";
import type { Claim } from "@llamero/store";
import { type LogEntry, startLlamero } from "@llamero/testkit";
import { type Door, inParallel, MODEL, openStoreDoor, type Reference } from "./store-door.ts";

export interface RunningJob extends Reference {
  claim: Claim;
}

/** An API process in front of a store whose jobs run in no worker: the proof writes what a worker would. */
export interface ApiProcess {
  door: Door;
  /** Of the API. */
  url: string;
  /** Submits a job and claims it. */
  start(): Promise<RunningJob>;
  startMany(count: number): Promise<RunningJob[]>;
  /** Resolves when the API listens to so many channels for changes of jobs. */
  listening(channels: number): Promise<void>;
  /** What the process has logged so far, from warnings on. */
  log: readonly LogEntry[];
  /** Memory that the process holds, in bytes. */
  rssBytes(): Promise<number>;
  close(): Promise<void>;
}

/** Requests under way at once while many jobs are started. */
const IN_FLIGHT = 64;

/**
 * @param slots jobs that may run at the same time
 * @param env further settings of the API
 */
export async function openApiProcess(seed: number, slots: number, env: Record<string, string> = {}): Promise<ApiProcess> {
  const door = await openStoreDoor(seed);
  const { store, redis, server } = door;
  const settings = { REDIS_URL: server.url, PORT: "0", LOG_LEVEL: "warn", ...env };
  const api = await startLlamero("api", settings).catch(async (error: unknown) => {
    await door.close();
    throw error;
  });
  const start = async (): Promise<RunningJob> => {
    // The stand-in's word that it lives runs out while a long proof goes on.
    await store.beat({ workerId: "w", host: "bench", pid: process.pid, slots: [{ slug: MODEL, slots }] });
    const job = await door.submit();
    const claimed = await store.claim({ job_id: job.id, run: 1 }, "w");
    if (claimed.outcome !== "claimed") throw new Error(`the job was not claimed: ${claimed.outcome}`);
    return { ...job, claim: claimed.claim };
  };
  return {
    door,
    url: api.ready.url ?? "",
    log: api.log,
    start,
    startMany: async (count) => {
      const jobs: RunningJob[] = [];
      await inParallel(count, IN_FLIGHT, async () => {
        jobs.push(await start());
      });
      return jobs;
    },
    listening: async (channels) => {
      while (((await redis.pubsub("CHANNELS", `${store.keys.base}notify:*`)) as string[]).length !== channels) await turn();
    },
    rssBytes: async () => {
      const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(api.child.pid)]);
      return Number(stdout) * 1_024;
    },
    close: async () => {
      await api.stop();
      await door.close();
    },
  };
}
