export type { AcceptResult, NewJob, RateLeft } from "./accept.ts";
export { type ApiKeyRecord, type ApiKeys, hashKey, keyIdOf, type LiveKey, type ShownKey, sameHash } from "./api-keys.ts";
export type { Claim, ClaimRefusal, ClaimResult, Ending, Fault } from "./attempt.ts";
export type { Backlog } from "./backlogs.ts";
export type { StoredBatch } from "./batches/batch-record.ts";
export type { CreatedBatch, NewBatch } from "./batches/batches.ts";
export { BATCH_LEASE_MS, type BatchClaim } from "./batches/held-batch.ts";
export { type LineJob, lineJobId } from "./batches/line-job.ts";
export type { Segment } from "./batches/segment.ts";
export type { CancelResult, RemoveResult } from "./cancel.ts";
export { findModel } from "./catalogue.ts";
export { type ConnectionRole, connectRedis, shownUrl } from "./connect.ts";
export { onStopRequest } from "./control.ts";
export type { FedJob } from "./fed-job.ts";
export { type BatchPart, partName, type StoredFile, uploadName } from "./files.ts";
export { BEAT_INTERVAL_MS, BEAT_TTL_MS, type LiveWorker, type WorkerBeat } from "./fleet.ts";
export type { EventPage } from "./job-events.ts";
export type { Keys } from "./keys.ts";
export type { ListQuery } from "./list-jobs.ts";
export type { RouteBreaker } from "./model-health.ts";
export { Notifications } from "./notifications.ts";
export { createOutbox, type Outbox, type OutboxEvent } from "./outbox.ts";
export { policiesOf } from "./policies.ts";
export { loadOf } from "./queue-load.ts";
export type { JobCount, QueueState, Waiting } from "./queues.ts";
export { type JobRecord, priorityOf, type StoredResult } from "./record.ts";
export { redisError } from "./redis-errors.ts";
export { requireServer } from "./require-server.ts";
export type { AskedReuse, Reuse } from "./reuse/reuse.ts";
export { modelMark } from "./reuse/reuse-key.ts";
export type { KnownVector } from "./reuse/vectors.ts";
export { admitRouted, type FindModel, type JobRoute, modelFinder, type Routed } from "./routing.ts";
export type { CreatedSchedule, NewSchedule, ScheduleRun, StoredSchedule } from "./schedules.ts";
export type { Change, SettingsStore } from "./settings.ts";
export { SettingsWatch, watchSettings } from "./settings-watch.ts";
export { createStore, type Store, type StoreOptions } from "./store.ts";
export type { SweepResult, WindowEntry } from "./sweep.ts";
export {
  ATTEMPTS_PER_RECEIVER,
  type DeliveryClaim,
  type DeliveryClaimResult,
  type Following,
  type MadeAttempt,
  RENEW_ATTEMPTS_MS,
  type RecordResult,
} from "./webhooks/attempts.ts";
export type { BreakerState } from "./webhooks/breaker.ts";
export type { DeliveryBacklog } from "./webhooks/delivery-backlog.ts";
export type { LoggedAttempt } from "./webhooks/delivery-record.ts";
export type { DueDelivery } from "./webhooks/due-delivery.ts";
export type { EndpointSecret, NewEndpoint, OwnedEndpoint, StoredEndpoint } from "./webhooks/endpoints.ts";
export type { JobHook } from "./webhooks/hook.ts";
export type { DeliveryPage, DeliveryQuery } from "./webhooks/list-deliveries.ts";
export type { WebhookEventTargets, WebhookTarget } from "./webhooks/open-delivery.ts";
export type { FailedQuery, RedeliverResult } from "./webhooks/redeliver.ts";
export type { TestResult, Webhooks } from "./webhooks/webhooks.ts";
export { onWish, type WorkerWish } from "./worker-wishes.ts";
