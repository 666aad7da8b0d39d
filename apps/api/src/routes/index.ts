import { cancelMessageBatch } from "./anthropic/cancel-message-batch.ts";
import { createMessage } from "./anthropic/create-message.ts";
import { createMessageBatch } from "./anthropic/create-message-batch.ts";
import { deleteMessageBatch } from "./anthropic/delete-message-batch.ts";
import { getMessageBatch } from "./anthropic/get-message-batch.ts";
import { getMessageBatchResults } from "./anthropic/get-message-batch-results.ts";
import { listMessageBatches } from "./anthropic/list-message-batches.ts";
import { cancelJob } from "./cancel-job.ts";
import { changeSettings } from "./change-settings.ts";
import { createApiKey } from "./create-api-key.ts";
import { createWebhookEndpoint } from "./create-webhook-endpoint.ts";
import { deleteJob } from "./delete-job.ts";
import { deleteWebhookEndpoint } from "./delete-webhook-endpoint.ts";
import { disableWebhookEndpoint } from "./disable-webhook-endpoint.ts";
import { enableWebhookEndpoint } from "./enable-webhook-endpoint.ts";
import { followJob } from "./follow-job.ts";
import { forgetAnswers } from "./forget-answers.ts";
import { getDelivery } from "./get-delivery.ts";
import { getJob } from "./get-job.ts";
import { getMetrics } from "./get-metrics.ts";
import { getModel } from "./get-model.ts";
import { getQueue } from "./get-queue.ts";
import { getQueueScale } from "./get-queue-scale.ts";
import { getReuse } from "./get-reuse.ts";
import { getSettings } from "./get-settings.ts";
import { getWebhookEndpoint } from "./get-webhook-endpoint.ts";
import { livez, readyz } from "./health.ts";
import { limitApiKey } from "./limit-api-key.ts";
import { listApiKeys } from "./list-api-keys.ts";
import { listAudit } from "./list-audit.ts";
import { listDeliveries } from "./list-deliveries.ts";
import { listJobs } from "./list-jobs.ts";
import { listModels } from "./list-models.ts";
import { listQueues } from "./list-queues.ts";
import { listSettingsHistory } from "./list-settings-history.ts";
import { listWebhookEndpoints } from "./list-webhook-endpoints.ts";
import { cancelBatch } from "./openai/batches/cancel-batch.ts";
import { createBatchRoute } from "./openai/batches/create-batch.ts";
import { getBatch } from "./openai/batches/get-batch.ts";
import { listBatches } from "./openai/batches/list-batches.ts";
import { retryBatch } from "./openai/batches/retry-batch.ts";
import { createChatCompletion } from "./openai/chat-completions.ts";
import { createCompletion } from "./openai/completions.ts";
import { createEmbeddings } from "./openai/embeddings.ts";
import { createFile } from "./openai/files/create-file.ts";
import { deleteFile } from "./openai/files/delete-file.ts";
import { getFile } from "./openai/files/get-file.ts";
import { getFileContent } from "./openai/files/get-file-content.ts";
import { listFiles } from "./openai/files/list-files.ts";
import { createRerank } from "./openai/rerank.ts";
import { cancelResponse } from "./openai/responses/cancel-response.ts";
import { createResponse } from "./openai/responses/create-response.ts";
import { deleteResponse } from "./openai/responses/delete-response.ts";
import { getResponse } from "./openai/responses/get-response.ts";
import { listInputItems } from "./openai/responses/list-input-items.ts";
import { redeliver } from "./redeliver.ts";
import { redeliverFailed } from "./redeliver-failed.ts";
import { retryJob } from "./retry-job.ts";
import { retryJobs } from "./retry-jobs.ts";
import { revokeApiKey } from "./revoke-api-key.ts";
import { rollbackSettings } from "./rollback-settings.ts";
import { rotateApiKey } from "./rotate-api-key.ts";
import { rotateWebhookSecret } from "./rotate-webhook-secret.ts";
import { createScheduleRoute } from "./schedules/create-schedule.ts";
import { deleteSchedule } from "./schedules/delete-schedule.ts";
import { getSchedule } from "./schedules/get-schedule.ts";
import { listSchedules } from "./schedules/list-schedules.ts";
import { pauseSchedule } from "./schedules/pause-schedule.ts";
import { resumeSchedule } from "./schedules/resume-schedule.ts";
import { runSchedule } from "./schedules/run-schedule.ts";
import { submitJob } from "./submit-job.ts";
import { testWebhookEndpoint } from "./test-webhook-endpoint.ts";
import { drainWorker } from "./workers/drain-worker.ts";
import { getWorker } from "./workers/get-worker.ts";
import { listWorkers } from "./workers/list-workers.ts";
import { resumeWorker } from "./workers/resume-worker.ts";
import { setWorkerModels } from "./workers/set-worker-models.ts";

const jobRoutes = [submitJob, listJobs, retryJobs, getJob, followJob, cancelJob, retryJob, deleteJob];
const endpointRoutes = [
  createWebhookEndpoint,
  listWebhookEndpoints,
  getWebhookEndpoint,
  rotateWebhookSecret,
  disableWebhookEndpoint,
  enableWebhookEndpoint,
  testWebhookEndpoint,
  deleteWebhookEndpoint,
];
// `redeliverFailed` stands before the routes of one delivery, whose path it fits too.
const deliveryRoutes = [listDeliveries, redeliverFailed, getDelivery, redeliver];
const keyRoutes = [createApiKey, listApiKeys, limitApiKey, rotateApiKey, revokeApiKey];
const reuseRoutes = [getReuse, forgetAnswers];
const settingsRoutes = [getSettings, changeSettings, listSettingsHistory, rollbackSettings, listAudit];

const openaiRoutes = [createChatCompletion, createCompletion, createEmbeddings, createRerank];
const responseRoutes = [createResponse, getResponse, cancelResponse, deleteResponse, listInputItems];

const fileRoutes = [createFile, listFiles, getFile, getFileContent, deleteFile];
const batchRoutes = [createBatchRoute, listBatches, getBatch, cancelBatch, retryBatch];

const anthropicRoutes = [
  createMessage,
  createMessageBatch,
  listMessageBatches,
  getMessageBatch,
  getMessageBatchResults,
  cancelMessageBatch,
  deleteMessageBatch,
];

const scheduleRoutes = [
  createScheduleRoute,
  listSchedules,
  getSchedule,
  pauseSchedule,
  resumeSchedule,
  runSchedule,
  deleteSchedule,
];

const workerRoutes = [listWorkers, getWorker, drainWorker, resumeWorker, setWorkerModels];

/** Every route of the API: the app serves this list, the OpenAPI document describes it. */
export const routes = [
  ...jobRoutes,
  ...endpointRoutes,
  ...deliveryRoutes,
  ...keyRoutes,
  ...settingsRoutes,
  ...reuseRoutes,
  ...openaiRoutes,
  ...responseRoutes,
  ...fileRoutes,
  ...batchRoutes,
  ...anthropicRoutes,
  ...scheduleRoutes,
  ...workerRoutes,
  listModels,
  getModel,
  listQueues,
  getQueue,
  getQueueScale,
  getMetrics,
  livez,
  readyz,
];
