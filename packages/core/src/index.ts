export { type Carrier, carrierId, carrierSchema } from "./carrier.ts";
export { AppError, type ErrorCode, type ErrorKind, errorCodes, isErrorCode, toAppError } from "./errors.ts";
export { type IdKind, type IdSource, isId, jobIdSchema, newId } from "./ids.ts";
export {
  type FinishReason,
  finishReasons,
  type Job,
  jobSchema,
  type Output,
  outputSchema,
  type Timings,
  timingsSchema,
  type Usage,
  usageSchema,
} from "./job.ts";
export {
  type EmbeddingRequest,
  type GenerateRequest,
  type JobRequest,
  type JobType,
  jobRequestSchema,
  jobTypes,
  type Message,
  messageSchema,
  requestTexts,
} from "./job-request.ts";
export {
  canMove,
  isTerminal,
  type JobStatus,
  jobStatuses,
  type TerminalStatus,
  terminalStatuses,
  transitions,
} from "./job-state.ts";
export { checkJsonSchema } from "./json-schema.ts";
export { type ModelEntry, modelEntrySchema, modelSlug } from "./model.ts";
export { type Params, paramsSchema, type ResponseFormat, responseFormatSchema } from "./params.ts";
export {
  type AttemptCount,
  type AttemptCounts,
  attemptCounts,
  decideRetry,
  type RetryDecision,
  type RetryRule,
  retryPolicy,
  runsAlone,
} from "./retry-policy.ts";
export type {
  EmbedOutcome,
  EmbedTask,
  GenerateOutcome,
  GenerateTask,
  LoadedModel,
  Runtime,
  StopReason,
  TokenChunk,
} from "./runtime.ts";
export { metadataSchema, type SubmitBody, startTime, submitSchema, toJobRequest } from "./submit.ts";
