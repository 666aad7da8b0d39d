import { isTerminal, priorities } from "@llamero/core";
import { type QueueView, readQueueViews } from "./queue-view.ts";
import type { Services } from "./route.ts";

type Parts = Pick<Services, "store" | "metrics">;

/** What is told of the whole deployment is read from Redis when somebody asks. */
export function exportDeployment({ store, metrics }: Parts): void {
  metrics.onCollect(() => exportJobs({ store, metrics }));
  metrics.onCollect(() => exportQueues({ store, metrics }));
  metrics.onCollect(() => exportReuse({ store, metrics }));
  metrics.onCollect(() => exportWebhooks({ store, metrics }));
  metrics.onCollect(async () => {
    const { usedBytes, maxBytes } = await store.memory();
    metrics.set("llamero_redis_used_bytes", {}, usedBytes);
    metrics.set("llamero_redis_max_bytes", {}, maxBytes ?? 0);
  });
}

async function exportJobs({ store, metrics }: Parts): Promise<void> {
  const [counts, catalogue] = await Promise.all([store.jobCounts(), store.catalogue()]);
  const names = new Map(catalogue.map(({ slug, name }) => [slug, name]));
  const samples = counts.map(({ slug, priority, status, jobs }) => {
    return { model: names.get(slug) ?? slug, class: priority, state: status, value: jobs };
  });
  const hasEnded = ({ state }: { state: (typeof counts)[number]["status"] }) => isTerminal(state);
  metrics.replace("llamero_jobs_ended_total", samples.filter(hasEnded));
  metrics.replace(
    "llamero_jobs",
    samples.filter((sample) => !hasEnded(sample)),
  );
}

async function exportQueues({ store, metrics }: Parts): Promise<void> {
  const queues = await readQueueViews(store);
  const of = (value: (queue: QueueView) => number) => queues.map((queue) => ({ model: queue.model, value: value(queue) }));
  const byClass = (name: "jobs" | "tokens") =>
    queues.flatMap(({ model, waiting }) => priorities.map((each) => ({ model, class: each, value: waiting[each][name] })));
  metrics.replace("llamero_queue_jobs", byClass("jobs"));
  metrics.replace("llamero_queue_tokens", byClass("tokens"));
  const oldest = of(({ oldest_seconds }) => oldest_seconds ?? 0);
  metrics.replace("llamero_queue_oldest_seconds", oldest);
  const pace = of(({ tokens_per_second }) => tokens_per_second);
  metrics.replace("llamero_queue_tokens_per_second", pace);
  const workers = of((queue) => queue.workers);
  metrics.replace("llamero_queue_workers", workers);
  const slots = of((queue) => queue.slots);
  metrics.replace("llamero_queue_slots", slots);
  const states = ["closed", "half", "open"] as const;
  const breakers = queues.flatMap(({ model, breaker }) =>
    states.map((state) => ({ model, state, value: Number(state === (breaker?.state ?? "closed")) })),
  );
  metrics.replace("llamero_model_breaker", breakers);
}

async function exportReuse({ store, metrics }: Parts): Promise<void> {
  const { models } = await store.reuse.state();
  metrics.replace(
    "llamero_reuse_requests_total",
    models.flatMap(({ model, hits, coalesced, misses }) => [
      { model, result: "hit", value: hits },
      { model, result: "coalesced", value: coalesced },
      { model, result: "miss", value: misses },
    ]),
  );
  metrics.replace(
    "llamero_reuse_inputs_total",
    models.flatMap(({ model, input_hits, input_misses }) => [
      { model, result: "hit", value: input_hits },
      { model, result: "miss", value: input_misses },
    ]),
  );
  metrics.replace(
    "llamero_reuse_bytes",
    models.map(({ model, bytes }) => ({ model, value: bytes })),
  );
}

async function exportWebhooks({ store, metrics }: Parts): Promise<void> {
  const { pending, overdueMs, receivers, events, oldestEventMs } = await store.webhooks.backlog();
  metrics.set("llamero_webhook_pending", {}, pending);
  metrics.set("llamero_webhook_overdue_seconds", {}, overdueMs / 1_000);
  metrics.set("llamero_webhook_breakers", { state: "open" }, receivers.open);
  metrics.set("llamero_webhook_breakers", { state: "half" }, receivers.halfOpen);
  metrics.set("llamero_outbox_events", {}, events);
  metrics.set("llamero_outbox_oldest_seconds", {}, oldestEventMs / 1_000);
}
