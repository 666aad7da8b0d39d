export { INTERNALS } from "./check-answer.ts";
export { badRequestEnv, badRequestKeys } from "./known-values.ts";
export { type BadRequestsResult, sendBadRequests } from "./send-bad-requests.ts";
