import type { Delivery } from "@llamero/core";
import { startLlamero, tinyEntry } from "@llamero/testkit";
import { type Door, inParallel, MODEL, openStoreDoor, promptSource } from "./store-door.ts";

/** Jobs under way at once, from their submission to their end. */
const IN_FLIGHT = 32;
/** More than there are in flight, so that the window takes every job at once. */
const SLOTS = 64;
const deploymentSecret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

interface Page {
  data: Delivery[];
  has_more: boolean;
  last_id: string | null;
}

/** An API process, and a store whose jobs run in no worker: they end as soon as they are submitted. */
export interface WebhookDeployment {
  door: Door;
  /** Of its processes. */
  env: Record<string, string>;
  /** Where each job's end is told, by the path at the receiver, and what signs it. */
  targets: { path: string; secret: string }[];
  submitAndEnd(jobs: number): Promise<void>;
  get(path: string): Promise<Page>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openWebhookDeployment(seed: number, receiverUrl: string): Promise<WebhookDeployment> {
  const door = await openStoreDoor(seed);
  const env = {
    REDIS_URL: door.server.url,
    PORT: "0",
    LOG_LEVEL: "error",
    LLAMERO_WEBHOOK_ALLOW: "127.0.0.1/32",
    LLAMERO_WEBHOOK_HTTP: "true",
    LLAMERO_WEBHOOK_SECRET: deploymentSecret,
  };
  await door.store.announceModel(tinyEntry);
  const api = await startLlamero("api", env);
  const call = async <T>(path: string, body?: object): Promise<T> => {
    const init =
      body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(api.ready.url + path, init);
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  };
  const endpoint = await call<{ secret: string }>("/v1/webhook-endpoints", { url: `${receiverUrl}/endpoint`, payload: "thin" });
  const prompt = promptSource(seed);
  return {
    door,
    env,
    targets: [
      { path: "/own", secret: deploymentSecret },
      { path: "/endpoint", secret: endpoint.secret },
    ],
    get: (path) => call<Page>(path),
    submitAndEnd: (jobs) =>
      inParallel(jobs, IN_FLIGHT, async () => {
        await door.store.beat({ workerId: "w", host: "bench", pid: process.pid, slots: [{ slug: MODEL, slots: SLOTS }] });
        const { id } = await call<{ id: string }>("/v1/jobs", { prompt: prompt(), webhook: { url: `${receiverUrl}/own` } });
        await end(door, id);
      }),
    [Symbol.asyncDispose]: async () => {
      await api.stop();
      await door.close();
    },
  };
}

/** Does what a worker does with a job. */
async function end({ store }: Door, id: string): Promise<void> {
  const claimed = await store.claim({ job_id: id, run: 1 }, "w");
  if (claimed.outcome !== "claimed") throw new Error(`the job was not claimed: ${claimed.outcome}`);
  const result = { text: "positive", finish_reason: "stop" as const };
  await store.finish(claimed.claim, { status: "succeeded", result, completionTokens: 1 });
}
