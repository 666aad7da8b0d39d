import type { Delivery, DeliveryAttempt } from "@llamero/core";
import { beforeEach, describe, expect, it } from "vitest";
import { WebhookLedger } from "../prove/webhook-ledger.ts";

const jobId = `job_${"0".repeat(26)}`;
let ledger: WebhookLedger;
beforeEach(() => {
  ledger = new WebhookLedger();
});

const request = (answer: number | "drop", { id = "evt_1", path = "/own", job = jobId } = {}) => {
  const body = JSON.stringify({ type: "job.succeeded", data: { id: job } });
  ledger.note({ path, headers: { "webhook-id": id }, body }, answer);
};

const attempt = (status: number | null, code: string | null = null): Omit<DeliveryAttempt, "number"> => ({
  at: "2026-03-01T12:00:00.000Z",
  status,
  latency_ms: 1,
  error: code === null ? null : { code, message: "" },
  response_head: "",
});

const logOf = (...attempts: Omit<DeliveryAttempt, "number">[]): Delivery => ({
  id: `dlv_${"0".repeat(26)}`,
  object: "delivery",
  event_id: "evt_1",
  event: "job.succeeded",
  job_id: jobId,
  batch_id: null,
  endpoint_id: null,
  url: "http://127.0.0.1/own",
  status: "delivered",
  attempts: attempts.map((each, index) => ({ number: index + 1, ...each })),
  next_attempt_at: null,
  created_at: "2026-03-01T12:00:00.000Z",
});

describe("a log fits what the receiver saw", () => {
  it("when each request is in it, as its answer, as a broken connection or as interrupted", () => {
    for (const answer of [500, "drop", 204, 204] as const) request(answer);
    const log = logOf(
      attempt(null, "refused"),
      attempt(500, "http_status"),
      attempt(null, "reset"),
      attempt(null, "interrupted"),
    );
    expect(ledger.accountsFor({ ...log, attempts: [...log.attempts, { number: 5, ...attempt(204) }] })).toBe(true);
    expect([ledger.takenTwice, ledger.arrived, ledger.requests]).toEqual([1, 1, 4]);
    expect([ledger.failed, ledger.dropped]).toEqual([2, 1]);
  });

  it("not when a request is missing, and a refused attempt does not stand for it", () => {
    request(500);
    request(204);
    expect(ledger.accountsFor(logOf(attempt(204)))).toBe(false);
    expect(ledger.accountsFor(logOf(attempt(null, "refused"), attempt(204)))).toBe(false);
  });

  it("not when it has an answer that was not given", () => {
    request("drop");
    expect(ledger.accountsFor(logOf(attempt(204)))).toBe(false);
  });

  it("not when an attempt's number is missing", () => {
    request(204);
    const log = logOf(attempt(204));
    expect(ledger.accountsFor({ ...log, attempts: [{ number: 2, ...attempt(204) }] })).toBe(false);
  });

  it("not when the event came under another id", () => {
    request(204, { id: "evt_2" });
    expect(ledger.accountsFor(logOf(attempt(204)))).toBe(false);
    request(204, { id: "evt_1" });
    expect(ledger.withSeveralIds).toBe(1);
  });
});

it("an id may reach two receivers with one event, and stands for no other", () => {
  request(204);
  request(204, { path: "/endpoint" });
  expect(ledger.sharedIds).toBe(0);
  request(204, { job: `job_${"1".repeat(26)}` });
  expect(ledger.sharedIds).toBe(1);
});
