import type { Harness } from "./harness.ts";
import type { Provocations, Request } from "./provocations.ts";

/** Requests that make each status of the routes of queues, workers and metrics come about. */
export function operatorProvocations(
  api: Harness,
  withBody: (path: string, body?: object, headers?: Record<string, string>) => Request,
): Provocations {
  const none = `/v1/workers/worker_${"0".repeat(26)}`;
  async function worker(): Promise<string> {
    const [live] = await api.store.liveWorkers();
    return `/v1/workers/${live?.id}`;
  }
  const onQueue = (rest: string) => ({
    200: () => ({ method: "GET", path: `/v1/queues/tiny${rest}` }),
    404: () => ({ method: "GET", path: `/v1/queues/none${rest}` }),
  });
  const tell = (verb: string) => ({
    202: async () => ({ method: "POST", path: `${await worker()}/${verb}` }),
    404: () => ({ method: "POST", path: `${none}/${verb}` }),
  });
  const models = { models: ["tiny.gguf"] };
  return {
    listQueues: { 200: () => ({ method: "GET", path: "/v1/queues" }) },
    getQueue: onQueue(""),
    getQueueScale: onQueue("/scale"),
    getMetrics: { 200: () => ({ method: "GET", path: "/metrics" }) },
    listWorkers: { 200: () => ({ method: "GET", path: "/v1/workers" }) },
    getWorker: {
      200: async () => ({ method: "GET", path: await worker() }),
      404: () => ({ method: "GET", path: none }),
    },
    drainWorker: tell("drain"),
    resumeWorker: tell("resume"),
    setWorkerModels: {
      202: async () => withBody(`${await worker()}/models`, models),
      404: () => withBody(`${none}/models`, models),
      413: () => withBody(`${none}/models`, {}, { "content-length": "20000000" }),
      415: () => withBody(`${none}/models`, {}, { "content-type": "text/plain" }),
    },
  };
}
