export {
  chatCompletion,
  chatCompletionAnswerSchema,
  completion,
  completionAnswerSchema,
  finishOf,
  seconds,
  toolCallsOf,
  usageOf,
} from "./answer.ts";
export {
  answeredLine,
  failedLine,
  failureOfJob,
  inputLineSchema,
  type LineError,
  type LineName,
  lineErrorOf,
  type ResultLine,
  unansweredLine,
} from "./batch-lines.ts";
export { type BatchFacts, type BatchView, batchSchema, batchView, type CreateBatchBody, createBatchSchema } from "./batches.ts";
export { type ChatCompletionBody, chatCompletionSchema, chatJobs } from "./chat-request.ts";
export { type CompletionBody, completionJobs, completionSchema } from "./completion-request.ts";
export { checkDimensions, embeddings, embeddingsAnswerSchema, embeddingsJob, embeddingsSchema } from "./embeddings.ts";
export { type BatchEndpoint, batchEndpointPaths, batchEndpoints } from "./endpoints.ts";
export { expirySeconds, type FileFacts, type FileView, filePurposes, fileSchema, fileView } from "./files.ts";
export { commonOf, habits, modelName } from "./habits.ts";
export { rerank, rerankAnswerSchema, rerankJob, rerankSchema } from "./rerank.ts";
export { requireInput, shownItems } from "./responses/items.ts";
export {
  createResponseSchema,
  doorOf,
  type ResponseBody,
  type ResponseDoor,
  responseDoorSchema,
  responseJob,
} from "./responses/request.ts";
export {
  callItems,
  jobIdOf,
  messageItem,
  outputItems,
  type ResponseView,
  responseId,
  responseNotFound,
  responseSchema,
  responseView,
  statusOf,
  tailOf,
} from "./responses/view.ts";
export { type ScheduleWork, scheduleWorkSchema } from "./schedule-work.ts";
