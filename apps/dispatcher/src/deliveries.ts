import type { DeliveryCarrier } from "@llamero/core";
import type { Logger, Metrics, Tracing } from "@llamero/process";
import { type DeliveryCarriers, DeliveryConsumer, type DeliveryConsumerOptions, repairDeliveries } from "@llamero/queue";
import { type DeliveryClaim, RENEW_ATTEMPTS_MS, type Store } from "@llamero/store";
import { type AttemptMade, type Deliverer, type NextAttempt, nextAttempt, type WebhookSecret } from "@llamero/webhooks";
import { type Attempted, makeAttempt } from "./make-attempt.ts";
import { once } from "./once.ts";
import { Places } from "./places.ts";
import { startLoop } from "./repeat.ts";

/** How often late deliveries without a carrier are looked for, in milliseconds. */
const REPAIR_EVERY_MS = 1_000;

export interface DeliveriesOptions {
  store: Store;
  carriers: DeliveryCarriers;
  /** A connection of the role `blocking`. */
  connection: DeliveryConsumerOptions["connection"];
  /** Closed by the stop. */
  deliverer: Pick<Deliverer, "deliver" | "close">;
  /** Sign, all of them, what neither job nor endpoint has a secret for. */
  deploymentSecrets: readonly WebhookSecret[];
  /** Default: the schedule of Standard Webhooks. */
  plan?: (made: AttemptMade) => NextAttempt;
  /** Default: those of `Places`. */
  places?: Places;
  metrics: Pick<Metrics, "count" | "observe">;
  tracing: Tracing;
  logger: Logger;
  /** The pulling ended by itself. */
  onStopped: (error: unknown) => void;
}

export interface Deliveries {
  /** Ends the attempts under way, which are handed back and do not count, and pulls no more. Legal to call twice. */
  stop(): Promise<void>;
}

/** Makes the attempts that fall due, and adds carriers that are missing. Several dispatchers may do so beside each other. */
export function startDeliveries(options: DeliveriesOptions): Deliveries {
  const { store, carriers, connection, deliverer, places = new Places(), logger } = options;
  const report = (error: unknown) => logger.warn({ err: error }, "delivery failed; its record brings it up again");
  const underWay = new Set<DeliveryClaim>();
  const consumer = new DeliveryConsumer({
    connection,
    keys: store.keys,
    concurrency: places.total,
    handle: (carrier) => places.during(() => handle({ ...options, places, underWay }, carrier)),
    onError: report,
  });
  consumer.start(options.onStopped);
  const repair = startLoop({
    pauseMs: REPAIR_EVERY_MS,
    pass: async () => {
      const repaired = await repairDeliveries(store, carriers);
      if (repaired > 0) logger.debug({ repaired }, "added carriers of late deliveries");
    },
    onError: report,
  });
  const renewal = startLoop({
    pauseMs: RENEW_ATTEMPTS_MS,
    pass: () => store.webhooks.renewAttempts([...underWay]),
    onError: report,
  });
  return {
    stop: once(async () => {
      const paused = Promise.all([consumer.pause(), repair.stop()]);
      await deliverer.close();
      await paused;
      await consumer.close();
      await renewal.stop();
    }),
  };
}

interface Handling extends DeliveriesOptions {
  places: Places;
  /** Attempts that are to be renewed. */
  underWay: Set<DeliveryClaim>;
}

async function handle(handling: Handling, carrier: DeliveryCarrier): Promise<void> {
  const { store, carriers, deliverer, deploymentSecrets, plan = nextAttempt, places, underWay, metrics, logger } = handling;
  const result = await store.webhooks.claimDelivery(carrier, places.perReceiver);
  if (result.outcome === "put_off") return carriers.add(result.due);
  if (result.outcome !== "claimed") return;
  const { claim } = result;
  const context = { store, deliverer, deploymentSecrets, plan, random: Math.random };
  underWay.add(claim);
  const attempted = await tracedAttempt(handling, context, claim).finally(() => underWay.delete(claim));
  const { outcome, due } = await store.webhooks.recordAttempt({ claim, ...attempted, limit: places.perReceiver });
  await carriers.add(due);
  observe(metrics, claim, attempted);
  report(logger, claim, attempted);
  const { endpoint_id: endpointId } = claim;
  if (outcome === "recorded" && attempted.following.next === "gone" && endpointId !== null)
    await store.webhooks.discardPending(endpointId);
}

/** In the trace of its job, where that has one. */
async function tracedAttempt(
  { store, tracing }: DeliveriesOptions,
  context: Parameters<typeof makeAttempt>[0],
  claim: DeliveryClaim,
): Promise<Attempted> {
  const parent = claim.job_id === null ? null : await store.traceOf(claim.job_id);
  if (parent === null) return makeAttempt(context, claim, null);
  const attributes = { "llamero.event": claim.event, "llamero.delivery_id": claim.deliveryId, "llamero.attempt": claim.number };
  const span = tracing.start("webhook", { kind: "client", parent, attributes });
  const attempted = await makeAttempt(context, claim, span.traceparent);
  const { entry, following } = attempted;
  const told = { "http.response.status_code": entry.status ?? undefined, "llamero.result": following.next };
  span.end(told, entry.error === null ? null : entry.error.code);
  return attempted;
}

function observe(metrics: DeliveriesOptions["metrics"], claim: DeliveryClaim, { following, entry }: Attempted): void {
  metrics.count("llamero_webhook_attempts_total", { result: following.next });
  metrics.observe("llamero_webhook_attempt_duration_seconds", {}, (entry.latency_ms ?? 0) / 1_000);
  if (claim.tries === 0) metrics.observe("llamero_webhook_lag_seconds", {}, (claim.begunMs - claim.occurred_ms) / 1_000);
}

function report(logger: Logger, claim: DeliveryClaim, { following, entry }: Attempted): void {
  const { deliveryId, event_id, event, job_id, batch_id, endpoint_id } = claim;
  const { number, status, latency_ms, error } = entry;
  const told = { delivery_id: deliveryId, event_id, event, job_id, batch_id, endpoint_id, attempt: number, status, latency_ms };
  logger.debug({ ...told, ...(error === null ? {} : { error: error.code }), next: following.next }, "webhook attempt");
  if (following.next === "dead") logger.warn({ ...told }, "webhook gave up; it can be redelivered");
  if (following.next === "gone") logger.warn({ ...told }, "receiver answered 410; its endpoint is disabled");
}
