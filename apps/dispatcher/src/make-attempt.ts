import { batchEvents, responseEvents, webhookTestEvent } from "@llamero/core";
import { responseId } from "@llamero/openai";
import type { DeliveryClaim, Following, LoggedAttempt, Store } from "@llamero/store";
import {
  type AttemptMade,
  type AttemptResult,
  buildOpenAiPayload,
  buildPayload,
  type Deliverer,
  type NextAttempt,
  type SigningSecrets,
  type WebhookSecret,
} from "@llamero/webhooks";
import { signingSecrets } from "./signing-secrets.ts";

export interface AttemptOptions {
  store: Store;
  deliverer: Pick<Deliverer, "deliver">;
  /** Sign, all of them, what neither job nor endpoint has a secret for. */
  deploymentSecrets: readonly WebhookSecret[];
  /** What follows an attempt: the schedule. */
  plan: (made: AttemptMade) => NextAttempt;
  /** 0 ≤ x < 1. */
  random: () => number;
}

export interface Attempted {
  following: Following;
  entry: LoggedAttempt;
}

const NO_SECRET = {
  code: "no_secret",
  message: "There is no secret to sign with: set LLAMERO_WEBHOOK_SECRET, or give the job's webhook a secret.",
};

/** Of a delivery that went with its job: what is recorded of it frees its place, and nothing more. */
const JOB_DELETED = { code: "aborted", message: "The job has been deleted." };

/** Makes one attempt, which tells the receiver its trace, signed at its own time, which Redis has told; unsigned it is never made. */
export async function makeAttempt(options: AttemptOptions, claim: DeliveryClaim, traceparent: string | null): Promise<Attempted> {
  const { deliverer, deploymentSecrets } = options;
  const body = await bodyOf(options.store, claim);
  const [first, ...others] = signingSecrets(claim.secrets, deploymentSecrets, claim.begunMs);
  const failure = { outcome: "failed", status: null, latencyMs: 0, responseHead: "", retryAfterMs: null } as const;
  if (body === null) return judge(options, claim, { ...failure, error: JOB_DELETED });
  if (first === undefined) return judge(options, claim, { ...failure, error: NO_SECRET });
  const secrets: SigningSecrets = [first, ...others];
  return judge(
    options,
    claim,
    await deliverer.deliver({ url: claim.url, id: claim.event_id, body, secrets, nowMs: claim.begunMs, traceparent }),
  );
}

type Result = Omit<AttemptResult, "error"> & { error: LoggedAttempt["error"] };

function judge({ plan, random }: AttemptOptions, claim: DeliveryClaim, result: Result): Attempted {
  const { status, latencyMs, error, responseHead } = result;
  const { number, begunMs } = claim;
  const entry = { number, at_ms: begunMs, status, latency_ms: latencyMs, error, response_head: responseHead };
  if (error?.code === "aborted") return { following: { next: "aborted" }, entry };
  const { outcome, retryAfterMs } = result;
  return { following: toFollowing(plan({ attempt: claim.tries + 1, outcome, retryAfterMs, random })), entry };
}

function toFollowing(next: NextAttempt): Following {
  switch (next.next) {
    case "none":
      return { next: "delivered" };
    case "retry":
      return next;
    case "dead":
      return { next: "dead" };
    case "disable":
      return { next: "gone" };
  }
}

/** Made anew for each attempt from the job as it is then: type, time and id of the event stay, and a job that has ended does too. */
async function bodyOf(store: Store, claim: DeliveryClaim): Promise<Uint8Array | null> {
  const { event: type, event_id: id, occurred_ms: occurredMs, job_id: jobId, batch_id: batchId, owner, payload: style } = claim;
  if (isOne(batchEvents, type)) return buildOpenAiPayload({ id, type, occurredMs, subjectId: batchId ?? "" });
  if (isOne(responseEvents, type)) return buildOpenAiPayload({ id, type, occurredMs, subjectId: responseId(jobId ?? "") });
  if (type === webhookTestEvent || jobId === null) {
    const timestamp = new Date(occurredMs).toISOString();
    return Buffer.from(JSON.stringify({ type, timestamp, data: { endpoint_id: claim.endpoint_id } }));
  }
  const job = await store.getJob({ id: jobId, owner });
  return job === null ? null : buildPayload({ type, occurredMs, job, style });
}

function isOne<Event extends string>(events: readonly Event[], type: string): type is Event {
  return events.some((event) => event === type);
}
