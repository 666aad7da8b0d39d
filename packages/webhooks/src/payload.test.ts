import { fullWebhookSchema, type Job, jobSchema, thinWebhookSchema } from "@llamero/core";
import { describe, expect, test } from "vitest";
import { buildPayload, type PayloadOptions } from "./payload.ts";

const at = "2026-03-01T12:00:00.000Z";
const job: Job = jobSchema.parse({
  id: `job_${"0".repeat(26)}`,
  object: "job",
  type: "completion",
  model: "tiny",
  status: "succeeded",
  priority: "normal",
  position: null,
  eta_seconds: null,
  created_at: at,
  run_at: null,
  deadline_at: null,
  started_at: at,
  finished_at: at,
  attempts: 1,
  cached: false,
  resumed_from: null,
  progress: { completion_tokens: 3 },
  params: { seed: 1 },
  output: { text: "drei 🦙", finish_reason: "stop" },
  usage: { prompt_tokens: 1, cached_tokens: 0, completion_tokens: 3, total_tokens: 4 },
  timings: null,
  error: null,
  metadata: { team: "a" },
  retry_of: null,
  retried_by: null,
  supersede_key: null,
  session_id: null,
  superseded_by: null,
  batch_id: null,
  routing: null,
  webhook: null,
});

const build = (over: Partial<PayloadOptions> = {}) =>
  buildPayload({ type: "job.succeeded", occurredMs: Date.parse(at), job, style: "full", ...over });
const parsed = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

test("a full event is the job as the API shows it", () => {
  expect(parsed(build())).toEqual({ type: "job.succeeded", timestamp: at, data: job });
});

test("a thin event is its id and status", () => {
  const thin = parsed(build({ style: "thin", type: "job.failed", job: { ...job, status: "failed" } }));
  expect(thin).toEqual({ type: "job.failed", timestamp: at, data: { id: job.id, status: "failed" } });
  expect(thinWebhookSchema.parse(thin)).toEqual(thin);
});

describe("an event that is too large", () => {
  const url = `/v1/jobs/${job.id}`;
  const long: Job = { ...job, output: { text: "é".repeat(200_000), finish_reason: "stop" } };
  const grammar: Job = { ...long, params: { grammar: "x".repeat(300_000) } };

  test("leaves the output out and says where it is", () => {
    const event = fullWebhookSchema.parse(parsed(build({ job: long })));
    expect(event.data).toEqual({ ...job, output: null, omitted: { fields: ["output"], url } });
  });

  test("leaves the params out too when that is not enough", () => {
    const event = fullWebhookSchema.parse(parsed(build({ job: grammar })));
    expect(event.data).toEqual({ ...job, output: null, params: null, omitted: { fields: ["output", "params"], url } });
  });

  test("is measured in bytes, to the byte", () => {
    const whole = build({ job: long, maxBytes: 1_000_000 });
    expect(build({ job: long, maxBytes: whole.length })).toEqual(whole);
    expect(parsed(build({ job: long, maxBytes: whole.length - 1 }))).toMatchObject({ data: { omitted: { fields: ["output"] } } });
  });
});
