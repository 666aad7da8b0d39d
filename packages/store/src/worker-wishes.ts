import type { Redis } from "ioredis";
import { z } from "zod";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";
import type { RunScript } from "./scripts.ts";

/** What an administrator wants of one worker. It ends with the worker: the next one begins as it is configured. */
export interface WorkerWish {
  /** It takes no jobs; those that it has end. */
  drained: boolean;
  /** What it is to serve, as `LLAMERO_MODELS` has it; null: what it was started with. */
  models: string[] | null;
}

const modelsSchema = z.array(z.string());

export async function readWish(redis: Redis, keys: Keys, workerId: string): Promise<WorkerWish> {
  const [drained, models] = await guarded(() => redis.hmget(keys.wish(workerId), "drained", "models"));
  return { drained: drained === "1", models: typeof models === "string" ? modelsSchema.parse(JSON.parse(models)) : null };
}

/** @returns whether there is such a worker */
export async function wishOfWorker(
  run: RunScript,
  workerId: string,
  { drained, models }: Partial<WorkerWish>,
  { by, action }: { by: string; action: string },
): Promise<boolean> {
  const flag = drained === undefined ? "" : drained ? "1" : "0";
  const list = models === undefined || models === null ? "" : JSON.stringify(models);
  return (await run("wish-worker", [by, action, workerId, flag, list])) === 1;
}

/** Calls back when something new is wanted of a worker. What is missed is read with the next heartbeat. */
export function onWish(subscriber: Redis, keys: Keys, workerId: string, handle: () => void): void {
  subscriber.on("message", (channel: string, message: string) => {
    if (channel === keys.control && message === `worker,${workerId}`) handle();
  });
}
