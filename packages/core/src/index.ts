export { admit } from "./admission.ts";
export {
  type Aliases,
  aliasTargets,
  type ModelsHealth,
  needsHealth,
  type Route,
  type RouteTicket,
  routeOf,
} from "./aliases.ts";
export {
  type ApiKey,
  allows,
  apiKeySchema,
  apiKeyWithSecretSchema,
  createApiKeySchema,
  type KeyLimits,
  type KeyScope,
  keyLimitsSchema,
  keyScopeSchema,
  keyScopes,
  ownerSchema,
  rotateApiKeySchema,
} from "./api-key.ts";
export { type BatchEnding, type BatchError, type BatchStatus, batchEndings, batchStatuses } from "./batch.ts";
export { type BatchCall, batchCall } from "./batch-call.ts";
export {
  type Carrier,
  carrierId,
  carrierSchema,
  type DeliveryCarrier,
  deliveryCarrierSchema,
  readCarrierId,
} from "./carrier.ts";
export { checkGrammar } from "./check-grammar.ts";
export {
  type Delivery,
  type DeliveryAttempt,
  type DeliveryEvent,
  type DeliveryStatus,
  deliveryEvents,
  deliverySchema,
  deliveryStatuses,
  deliveryStatusSchema,
  webhookTestEvent,
} from "./delivery.ts";
export { AppError, type ErrorCode, type ErrorKind, errorCodes, isErrorCode, toAppError } from "./errors.ts";
export type { GbnfNode, GbnfRule } from "./gbnf/gbnf-node.ts";
export { GbnfSource } from "./gbnf/gbnf-source.ts";
export { readGbnf } from "./gbnf/read-gbnf.ts";
export type { AnsweredJob, HookContext, Hooks, Submission } from "./hooks.ts";
export { errorType, httpStatus } from "./http-status.ts";
export { type IdKind, type IdSource, isId, jobIdSchema, newId } from "./ids.ts";
export {
  type FinishReason,
  finishReasons,
  type Job,
  jobSchema,
  type Output,
  type OutputFinishReason,
  type OutputParts,
  outputFinishReasons,
  outputPartsSchema,
  outputSchema,
  type RerankResult,
  rerankResultSchema,
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
  type RerankRequest,
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
export { alternatives } from "./json-schema/alternatives.ts";
export { SchemaBudget } from "./json-schema/budget.ts";
export { PATTERN_END } from "./json-schema/pattern-automaton.ts";
export { LARGEST_INTEGER } from "./json-schema/read-number.ts";
export { trackedCount } from "./json-schema/read-object.ts";
export { formatLengths } from "./json-schema/read-string.ts";
export { COUNT_BASE } from "./json-schema/repetition-length.ts";
export {
  type ArrayShape,
  anyCount,
  type CodePoints,
  type Count,
  type Json,
  type ObjectShape,
  type Pattern,
  type PatternAutomaton,
  type Property,
  type SchemaDocument,
  type Shape,
  type StringFormat,
} from "./json-schema/shape.ts";
export { readJsonSchema } from "./json-schema.ts";
export {
  type AuditEntry,
  auditEntrySchema,
  changeSettingsSchema,
  type LiveSettings,
  type LogLevel,
  liveSettingsSchema,
  logLevels,
  patchSettings,
  rollbackSettingsSchema,
  type SettingsPatch,
  type SettingsVersion,
  settingsPatchSchema,
  settingsVersionSchema,
} from "./live-settings.ts";
export { type ModelEntry, modelEntrySchema, modelSlug, queueSlug, requireUniqueNames } from "./model.ts";
export { type Params, paramsSchema, type ResponseFormat, responseFormatSchema } from "./params.ts";
export { paramsAtTop } from "./params-at-top.ts";
export { checkPlain, parseJson } from "./parse-json.ts";
export { type Placement, type PlacementState, placementSchema, placementStates } from "./placement.ts";
export { type Priority, priorities, prioritySchema } from "./priority.ts";
export {
  type AttemptCount,
  type AttemptCounts,
  attemptCounts,
  blamesModel,
  decideRetry,
  MOST_PREEMPTIONS,
  type RetryDecision,
  type RetryRule,
  retryPolicy,
  runsAlone,
} from "./retry-policy.ts";
export {
  ANSWER_TTL_SECONDS,
  MOST_ANSWER_BYTES,
  type ReuseMode,
  type ReuseState,
  reusableForm,
  reuseModes,
  reuseStateSchema,
  wantsReuse,
} from "./reuse.ts";
export {
  type EmbedOutcome,
  type EmbedTask,
  type GenerateOutcome,
  type GenerateTask,
  type LoadedModel,
  type RerankOutcome,
  type RerankTask,
  type RunTimings,
  type Runtime,
  type StopReason,
  type TokenChunk,
  UNKNOWN_TOKEN,
} from "./runtime.ts";
export { type Load, type Scale, ScaleDown, type ScaleLimits, scaleOf } from "./scale.ts";
export {
  type OverlapPolicy,
  overlapPolicies,
  type ScheduleOutcome,
  scheduleOutcomes,
  scheduleTimingShape,
} from "./schedule.ts";
export { shorten } from "./shorten.ts";
export {
  deadlineRefusal,
  metadataSchema,
  reuseSchema,
  type StartTime,
  type SubmitBody,
  sessionIdSchema,
  startTime,
  submitSchema,
  supersedeKeySchema,
  textField,
  toJobRequest,
} from "./submit.ts";
export { textHash } from "./text-hash.ts";
export { type Tool, type ToolCall, type ToolChoice, toolCallSchema, toolChoiceSchema, toolSchema } from "./tools.ts";
export { validate } from "./validate.ts";
export {
  batchEvents,
  breakerStates,
  type CreateWebhookEndpoint,
  createWebhookEndpointSchema,
  defaultJobEvents,
  defaultWebhookEvents,
  type JobWebhook,
  type JobWebhookEvent,
  type JobWebhookView,
  jobEventSchema,
  jobEvents,
  jobWebhookSchema,
  jobWebhookViewSchema,
  MAX_WEBHOOK_URL_CHARS,
  type OpenAiWebhookEvent,
  type RotateWebhookSecret,
  responseEvents,
  rotateWebhookSecretSchema,
  WEBHOOK_SECRET_PREFIX,
  type WebhookEndpoint,
  type WebhookEndpointWithSecret,
  type WebhookEvent,
  type WebhookPayloadStyle,
  webhookDisabledReasons,
  webhookEndpointSchema,
  webhookEndpointWithSecretSchema,
  webhookEventSchema,
  webhookEvents,
  webhookPayloadStyles,
  webhookSecretSchema,
} from "./webhook.ts";
export {
  type FullWebhook,
  fullWebhookSchema,
  type OmittableField,
  omittableFields,
  type ThinWebhook,
  thinWebhookSchema,
} from "./webhook-payload.ts";
