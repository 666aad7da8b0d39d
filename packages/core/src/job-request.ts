import { z } from "zod";
import { paramsSchema } from "./params.ts";
import { toolCallSchema } from "./tools.ts";

const assistantMessage = z
  .strictObject({
    role: z.literal("assistant"),
    content: z.string().nullish().meta({ description: "Required where there are no tool_calls." }),
    tool_calls: z.array(toolCallSchema).min(1, "is empty").max(128).optional(),
  })
  .refine((message) => message.tool_calls !== undefined || Boolean(message.content), { path: ["content"], error: "is empty" });

export const messageSchema = z
  .discriminatedUnion("role", [
    z.strictObject({ role: z.enum(["system", "user"]), content: z.string().min(1, "is empty") }),
    assistantMessage,
    z.strictObject({
      role: z.literal("tool"),
      tool_call_id: z.string().min(1).max(256).meta({ description: "The id of the call whose result this is." }),
      content: z.string(),
    }),
  ])
  .meta({ id: "Message" });
export type Message = z.infer<typeof messageSchema>;

/** Params as a worker gets them: the seed is settled, so that every attempt samples alike. */
const settledParams = paramsSchema.required({ seed: true });

/** Of requests that generate: the conversation that they are a turn of. */
const session_id = z.string().optional();

/** What a worker runs: the submission in one normal form, stored once beside its record. */
export const jobRequestSchema = z.discriminatedUnion("type", [
  z.object({ v: z.literal(1), type: z.literal("chat"), messages: z.array(messageSchema), params: settledParams, session_id }),
  z.object({ v: z.literal(1), type: z.literal("completion"), prompt: z.string(), params: settledParams, session_id }),
  z.object({ v: z.literal(1), type: z.literal("embedding"), input: z.array(z.string()) }),
  z.object({
    v: z.literal(1),
    type: z.literal("rerank"),
    query: z.string(),
    documents: z.array(z.string()),
    /** Absent: all of them. */
    top_n: z.int().positive().optional(),
  }),
]);
export type JobRequest = z.infer<typeof jobRequestSchema>;
export type GenerateRequest = Extract<JobRequest, { params: unknown }>;
export type EmbeddingRequest = Extract<JobRequest, { type: "embedding" }>;
export type RerankRequest = Extract<JobRequest, { type: "rerank" }>;

export const jobTypes = ["chat", "completion", "embedding", "rerank"] as const;
export type JobType = (typeof jobTypes)[number];

/** The texts of a request, for size checks. */
export function requestTexts(request: JobRequest): string[] {
  switch (request.type) {
    case "chat":
      return request.messages.flatMap((message) => message.content ?? []);
    case "completion":
      return [request.prompt];
    case "embedding":
      return request.input;
    case "rerank":
      return [request.query, ...request.documents];
  }
}
