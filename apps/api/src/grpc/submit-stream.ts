import type { MessageInitShape } from "@bufbuild/protobuf";
import { AppError } from "@llamero/core";
import { initOf, JobSchema, readSubmission, type SubmitRequest, type SubmitResultSchema } from "@llamero/grpc";
import { acceptJob } from "../accept-job.ts";
import { mapInOrder } from "../map-in-order.ts";
import type { Services } from "../route.ts";
import type { GrpcCall } from "./calls.ts";
import type { GrpcErrors } from "./grpc-errors.ts";
import { submitter, tell } from "./submitter.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** Messages of one stream that are stored at the same time, or wait to be answered: they go to Redis together. */
const MOST_AT_ONCE = 64;

export interface SubmitStreamOptions {
  services: Services;
  errors: GrpcErrors;
  /** Aborts when this process stops. */
  stopping: AbortSignal;
}

type Result = MessageInitShape<typeof SubmitResultSchema>;

const stop = () => new AppError("api_stopping", "This API process is stopping. Send what has no answer again, to another one.");

/** Messages until this process stops, which is the failure that the stream ends with. */
async function* untilStopped<T>(source: AsyncIterable<T>, stopping: AbortSignal): AsyncGenerator<T, void, void> {
  const items = source[Symbol.asyncIterator]();
  for (;;) {
    const item = await unlessAborted(stopping, items.next(), () => {}).catch((error: unknown) => {
      throw stopping.aborted ? stop() : error;
    });
    if (item.done === true) return;
    yield item.value;
  }
}

/**
 * Stores the jobs of messages as they come and answers each in its turn. A client that does not read its answers is not read
 * from either, so a stream of any length takes the memory of a few messages.
 */
export function submitStream(
  requests: AsyncIterable<SubmitRequest>,
  call: GrpcCall,
  { services, errors, stopping }: SubmitStreamOptions,
): AsyncGenerator<Result, void, void> {
  return mapInOrder(untilStopped(requests, stopping), MOST_AT_ONCE, async (request, index): Promise<Result> => {
    try {
      const { body, idempotencyKey } = readSubmission(request);
      // The call's key stands for all of its messages, each by its place.
      const part = idempotencyKey === null ? ` ${index}` : "";
      const { job, headers } = await acceptJob(submitter(call, idempotencyKey), services, body, { part });
      tell(call.trailer, headers);
      return { index, result: { case: "job", value: initOf(JobSchema, job) } };
    } catch (error) {
      return { index, result: { case: "error", value: errors.ofMessage(error, call) } };
    }
  });
}
