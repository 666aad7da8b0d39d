export { AddressGuard, type AddressGuardOptions, AddressRefused, defaultPorts } from "./address-guard.ts";
export { type AttemptResult, Deliverer, type DelivererOptions, type Delivery } from "./deliver.ts";
export { type AttemptError, type AttemptErrorCode, type AttemptOutcome, judgeStatus } from "./outcome.ts";
export { buildOpenAiPayload, buildPayload, type PayloadOptions } from "./payload.ts";
export { type Resolve, systemResolve } from "./resolve.ts";
export { parseRetryAfter } from "./retry-after.ts";
export { type AttemptMade, MAX_RETRY_AFTER_MS, type NextAttempt, nextAttempt, retrySchedule } from "./schedule.ts";
export { type SigningSecrets, WebhookSecret } from "./secret.ts";
export { type SignedHeaders, signHeaders, type Unsigned } from "./sign.ts";
export { checkWebhookUrl, parseWebhookUrl, type UrlCheckOptions, type UrlRules } from "./url-check.ts";
export {
  type Received,
  type VerificationFailure,
  type Verified,
  verifyWebhook,
  type WebhookHeaders,
  WebhookVerificationError,
} from "./verify.ts";
