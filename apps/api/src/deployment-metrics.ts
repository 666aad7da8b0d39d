import { isTerminal, priorities } from "@llamero/core";
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
  const catalogue = await store.catalogue();
  const [queues, live, breakers] = await Promise.all([
    store.queues(catalogue.map(({ slug }) => slug)),
    store.liveWorkers(),
    store.breakers(),
  ]);
  const names = new Map(catalogue.map(({ slug, name }) => [slug, name]));
  const serving = live.flatMap(({ slots }) => slots.filter((model) => model.slots > 0));
  const of = (value: (queue: (typeof queues)[number]) => number) =>
    queues.map((queue) => ({ model: names.get(queue.queue) ?? queue.queue, value: value(queue) }));
  const byClass = (value: (waiting: { jobs: number; tokens: number }) => number) =>
    queues.flatMap(({ queue, waiting }) =>
      priorities.map((each) => ({ model: names.get(queue) ?? queue, class: each, value: value(waiting[each]) })),
    );
  metrics.replace(
    "llamero_queue_jobs",
    byClass(({ jobs }) => jobs),
  );
  metrics.replace(
    "llamero_queue_tokens",
    byClass(({ tokens }) => tokens),
  );
  metrics.replace(
    "llamero_queue_oldest_seconds",
    of(({ oldestMs }) => (oldestMs ?? 0) / 1_000),
  );
  metrics.replace(
    "llamero_queue_tokens_per_second",
    of(({ tokensPerSecond }) => tokensPerSecond),
  );
  metrics.replace(
    "llamero_queue_workers",
    of(({ queue }) => serving.filter(({ slug }) => slug === queue).length),
  );
  metrics.replace(
    "llamero_queue_slots",
    of(({ queue }) => serving.filter(({ slug }) => slug === queue).reduce((sum, { slots }) => sum + slots, 0)),
  );
  metrics.replace(
    "llamero_model_breaker",
    queues.flatMap(({ queue }) => {
      const now = breakers.get(queue)?.state ?? "closed";
      const states = ["closed", "half", "open"] as const;
      return states.map((state) => ({ model: names.get(queue) ?? queue, state, value: Number(state === now) }));
    }),
  );
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
