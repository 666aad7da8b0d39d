import { AppError, type Job } from "@llamero/core";
import { z } from "zod";
import { seconds, toolCallsOf } from "../answer.ts";
import { type ResponseDoor, responseDoorSchema } from "./request.ts";

const RESPONSE = "resp_";
const JOB = "job_";

/** A response is a job by another name. */
export const responseId = (jobId: string): string => RESPONSE + jobId.slice(JOB.length);
/** '' for what is no id of a response. */
export const jobIdOf = (id: string): string => (id.startsWith(RESPONSE) ? JOB + id.slice(RESPONSE.length) : "");
/** What ids of a response's items end in. */
export const tailOf = (jobId: string): string => jobId.slice(JOB.length);

export function responseNotFound(id: string): AppError {
  return new AppError("response_not_found", `There is no response ${id.slice(0, 64)}.`, { param: "id" });
}

export const statuses = ["queued", "in_progress", "completed", "failed", "cancelled", "incomplete"] as const;

const outputText = z.object({
  type: z.literal("output_text"),
  text: z.string(),
  annotations: z.array(z.unknown()),
  logprobs: z.array(z.unknown()),
});
const itemStatus = z.enum(["in_progress", "completed", "incomplete"]);
const outputItemSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("message"),
    id: z.string(),
    status: itemStatus,
    role: z.literal("assistant"),
    content: z.array(outputText),
  }),
  z.object({
    type: z.literal("function_call"),
    id: z.string(),
    status: itemStatus,
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
]);
export type OutputItem = z.infer<typeof outputItemSchema>;

export const responseSchema = z
  .object({
    id: z.string().meta({ example: "resp_01kaeq4y3c00d5t6v8m2r4q7zn" }),
    object: z.literal("response"),
    created_at: z.int(),
    completed_at: z.int().nullable(),
    status: z.enum(statuses),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    incomplete_details: z.object({ reason: z.literal("max_output_tokens") }).nullable(),
    model: z.string(),
    output: z.array(outputItemSchema),
    usage: z
      .object({
        input_tokens: z.int(),
        input_tokens_details: z.object({ cached_tokens: z.int() }),
        output_tokens: z.int(),
        output_tokens_details: z.object({ reasoning_tokens: z.int() }),
        total_tokens: z.int(),
      })
      .nullable(),
    metadata: z.record(z.string(), z.string()),
    reasoning: z.object({ effort: z.null(), summary: z.null() }),
    ...responseDoorSchema.shape.shown.shape,
  })
  .meta({ id: "Response" });
export type ResponseView = z.infer<typeof responseSchema>;

export function statusOf({ status, output }: Job): (typeof statuses)[number] {
  if (status === "scheduled" || status === "queued") return "queued";
  if (status === "running") return "in_progress";
  if (status === "succeeded")
    return output !== null && "finish_reason" in output && output.finish_reason === "length" ? "incomplete" : "completed";
  return status === "cancelled" ? "cancelled" : "failed";
}

const textOf = ({ output }: Job): string => (output !== null && "text" in output ? output.text : "");

export function messageItem(jobId: string, status: z.infer<typeof itemStatus>, text: string | null): OutputItem {
  const content = text === null ? [] : [{ type: "output_text" as const, text, annotations: [], logprobs: [] }];
  return { type: "message", id: `msg_${tailOf(jobId)}`, status, role: "assistant", content };
}

export function callItems(job: Job): Extract<OutputItem, { type: "function_call" }>[] {
  return toolCallsOf(job).map(({ id, function: { name, arguments: text } }, index) => ({
    type: "function_call",
    id: `fc_${tailOf(job.id)}_${index}`,
    status: "completed",
    call_id: id,
    name,
    arguments: text,
  }));
}

/** What a job that has ended has to show: its text, and the calls that it asks for. */
export function outputItems(job: Job): OutputItem[] {
  if (job.output === null) return [];
  const [text, calls] = [textOf(job), callItems(job)];
  const status = statusOf(job) === "completed" ? "completed" : "incomplete";
  return text === "" && calls.length > 0 ? calls : [messageItem(job.id, status, text), ...calls];
}

export function responseView(job: Job, door: ResponseDoor): ResponseView {
  const { usage, error } = job;
  const status = statusOf(job);
  return {
    id: responseId(job.id),
    object: "response",
    created_at: seconds(job.created_at),
    completed_at: status === "completed" && job.finished_at !== null ? seconds(job.finished_at) : null,
    status,
    error: status === "failed" ? { code: "server_error", message: error?.message ?? "The response failed." } : null,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    model: job.model,
    output: outputItems(job),
    usage:
      usage === null
        ? null
        : {
            input_tokens: usage.prompt_tokens,
            input_tokens_details: { cached_tokens: usage.cached_tokens },
            output_tokens: usage.completion_tokens,
            output_tokens_details: { reasoning_tokens: 0 },
            total_tokens: usage.total_tokens,
          },
    metadata: job.metadata,
    reasoning: { effort: null, summary: null },
    ...door.shown,
  };
}
