import { AppError, batchCall } from "@llamero/core";
import { messageView } from "./answer.ts";
import { createMessageSchema, messageJob } from "./request.ts";

/** The `url` of the lines of message batches. */
export const MESSAGES_PATH = "/v1/messages";

/** What a request of a message batch asks for. */
export const messageCall = batchCall({
  schema: createMessageSchema,
  jobs: (body) => {
    if (body.stream)
      throw new AppError("invalid_request", "stream: is not supported in a batch; leave it out.", { param: "stream" });
    return [messageJob(body)];
  },
  answer: (_jobs, first) => messageView(first),
});
