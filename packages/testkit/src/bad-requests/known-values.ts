import type { Known } from "./schema-value.ts";

/** Two owners' keys: most requests come from the first. */
export const badRequestKeys = ["first-owner-secret", "second-owner-secret"] as const;

/** Settings of an API process that bad requests are sent to; its body limit is low, so that going beyond it is cheap. */
export const badRequestEnv = {
  LLAMERO_API_KEYS: badRequestKeys.map((key, index) => `owner${index}:${key}`).join(","),
  LLAMERO_MAX_BODY_BYTES: "524288",
  // There is no worker: who asks for an answer gets none.
  LLAMERO_ANSWER_SECONDS: "0.2",
  LLAMERO_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 3).toString("base64")}`,
};

interface Made {
  id: string;
}

function caller(url: string, key: string) {
  return async (method: string, path: string, body?: object): Promise<Made> => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as Made;
  };
}

/** Things of one owner: jobs that wait, are scheduled and have ended, an endpoint and a delivery. */
async function idsOf(url: string, key: string) {
  const call = caller(url, key);
  const waiting = await call("POST", "/v1/jobs", { prompt: "a", metadata: { a: "b" } });
  const scheduled = await call("POST", "/v1/jobs", { prompt: "a", delay_ms: 9_000_000 });
  const ended = await call("POST", "/v1/jobs", { prompt: "a" });
  await call("POST", `/v1/jobs/${ended.id}/cancel`);
  const endpoint = await call("POST", "/v1/webhook-endpoints", { url: "https://93.184.216.34/hook" });
  const delivery = await call("POST", `/v1/webhook-endpoints/${endpoint.id}/test`);
  return { jobs: [waiting.id, scheduled.id, ended.id], endpoint: endpoint.id, delivery: delivery.id };
}

/** One of each kind of job, with most of what a job may have. */
const submissions = [
  { prompt: "hello", params: { max_tokens: 5, temperature: 0.5, stop: ["a", "b"], seed: 1, logit_bias: { "5": 1 } } },
  {
    messages: [
      { role: "system", content: "Be kind." },
      { role: "user", content: "hi" },
    ],
    params: { tools: [{ type: "function", function: { name: "f", parameters: { type: "object", properties: { a: {} } } } }] },
    metadata: { a: "b" },
  },
  { input: ["a", "b", "c"], deadline_ms: 50_000 },
  { prompt: "x", type: "completion", run_at: "2026-01-01T00:00:00Z", params: { grammar: 'root ::= "a"' } },
  {
    prompt: "x",
    delay_ms: 5,
    params: {
      response_format: { type: "json_schema", json_schema: { schema: { properties: { a: { enum: [1, "b", null] } } } } },
    },
  },
  { prompt: "x", webhook: { url: "https://93.184.216.34/a", events: ["job.started"], payload: "thin" } },
];

/** Makes things that requests can name, and gives them with whatever else makes a request get far. */
export async function knownValues(url: string): Promise<Known> {
  const owners = await Promise.all(badRequestKeys.map((key) => idsOf(url, key)));
  const jobs = owners.flatMap((owner) => owner.jobs);
  const [endpoints, deliveries] = [owners.map(({ endpoint }) => endpoint), owners.map(({ delivery }) => delivery)];
  return {
    id: [...jobs, ...endpoints, ...deliveries, `job_${"0".repeat(26)}`],
    job_id: jobs,
    endpoint_id: endpoints,
    after: [...jobs, ...deliveries, "1-0-queued", "1-0-cancelled", "9-9-running"],
    "Last-Event-ID": ["1-0-queued", "1-0-cancelled", "9-9-running"],
    "Idempotency-Key": ["a", "b"],
    Prefer: ["wait=1", "wait=0, respond-async"],
    // A wait is a wait: longer ones would show nothing more.
    wait: [0, 1, "00", "1.0", 61, -1],
    model: ["tiny", "embedder"],
    max_tokens: [1, 16],
    url: [
      "https://93.184.216.34/hook",
      "https://10.0.0.1/",
      "http://93.184.216.34/",
      "https://a:b@93.184.216.34:22/",
      "ftp://x",
      "//x",
    ],
    name: ["a", "b"],
    submitJob: submissions,
  };
}
