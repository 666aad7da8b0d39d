import { isId } from "@llamero/core";
import { z } from "zod";

/** A whole number in a query string. */
export function intParam(min: number, max: number, fallback: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .default(fallback)
    .meta({ override: { type: "integer", minimum: min, maximum: max, default: fallback } });
}

/** Ids in a path. Anything may stand there: what is no id of ours names nothing, and is answered as such. */
export const jobPath = z.object({ id: z.string().meta({ example: "job_01kaeq4y3c00d5t6v8m2r4q7zn" }) });

export const endpointPath = z.object({ id: z.string().meta({ example: "whep_01kaeq4y3c00d5t6v8m2r4q7zn" }) });
export const deliveryPath = z.object({ id: z.string().meta({ example: "dlv_01kaeq4y3c00d5t6v8m2r4q7zn" }) });
export const modelPath = z.object({
  id: z.string().meta({ example: "tiny", description: "Its name; a slash in it is written %2F." }),
});
export const workerPath = z.object({ id: z.string().meta({ example: "wrk_01kaeq4y3c00d5t6v8m2r4q7zn" }) });
export const filePath = z.object({ id: z.string().meta({ example: "file_01kaeq4y3c00d5t6v8m2r4q7zn" }) });
export const messageBatchPath = z.object({ id: z.string().meta({ example: "msgbatch_01kaeq4y3c00d5t6v8m2r4q7zn" }) });
export const schedulePath = z.object({ id: z.string().meta({ example: "sched_01kaeq4y3c00d5t6v8m2r4q7zn" }) });
export const batchPath = z.object({ id: z.string().meta({ example: "batch_01kaeq4y3c00d5t6v8m2r4q7zn" }) });
export const responsePath = z.object({ id: z.string().meta({ example: "resp_01kaeq4y3c00d5t6v8m2r4q7zn" }) });
export const apiKeyPath = z.object({ id: z.string().meta({ example: "9f86d081884c" }) });

/** Of calls that are the same when they are made again. */
export const idempotencyHeaders = z.object({ "Idempotency-Key": z.string().max(255).optional() });

export const isJobId = (value: string): boolean => isId("job", value);
