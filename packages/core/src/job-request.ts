import { z } from "zod";
import { paramsSchema } from "./params.ts";

export const messageSchema = z
  .strictObject({ role: z.enum(["system", "user", "assistant"]), content: z.string().min(1, "is empty") })
  .meta({ id: "Message" });
export type Message = z.infer<typeof messageSchema>;

/** Params as a worker gets them: the seed is settled, so that every attempt samples alike. */
const settledParams = paramsSchema.required({ seed: true });

/** What a worker runs: the submission in one normal form, stored once beside its record. */
export const jobRequestSchema = z.discriminatedUnion("type", [
  z.object({ v: z.literal(1), type: z.literal("chat"), messages: z.array(messageSchema), params: settledParams }),
  z.object({ v: z.literal(1), type: z.literal("completion"), prompt: z.string(), params: settledParams }),
  z.object({ v: z.literal(1), type: z.literal("embedding"), input: z.array(z.string()) }),
]);
export type JobRequest = z.infer<typeof jobRequestSchema>;
export type GenerateRequest = Extract<JobRequest, { params: unknown }>;
export type EmbeddingRequest = Extract<JobRequest, { type: "embedding" }>;

export const jobTypes = ["chat", "completion", "embedding"] as const;
export type JobType = (typeof jobTypes)[number];

/** The texts of a request, for size checks. */
export function requestTexts(request: JobRequest): string[] {
  switch (request.type) {
    case "chat":
      return request.messages.map((message) => message.content);
    case "completion":
      return [request.prompt];
    case "embedding":
      return request.input;
  }
}
