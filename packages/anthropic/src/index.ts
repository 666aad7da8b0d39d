export {
  type ContentBlock,
  type MessageView,
  messageId,
  messageSchema,
  messageView,
  stopReasonOf,
  toolUses,
  usageOf,
} from "./answer.ts";
export {
  batchIdOf,
  batchRequestSchema,
  createMessageBatchSchema,
  erroredLine,
  MESSAGE_BATCH_WINDOW_SECONDS,
  type MessageBatchView,
  type MessageResultLine,
  messageBatchId,
  messageBatchSchema,
  messageBatchView,
} from "./batches.ts";
export { errorBody, errorSchema, errorType } from "./errors.ts";
export { MESSAGES_PATH, messageCall } from "./message-call.ts";
export { createMessageSchema, type MessageBody, messageJob } from "./request.ts";
