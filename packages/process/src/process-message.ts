import { z } from "zod";

/** A model that a worker serves, as its ready message names it. */
export const readyModelSchema = z.object({
  name: z.string(),
  /** The model that it varies and whose slots it shares. Default: none. */
  base: z.string().nullable().default(null),
  slots: z.int(),
  context_length: z.int(),
});
export type ReadyModel = z.infer<typeof readyModelSchema>;

/** What a process adds to its ready message: the API its `url` and `grpc_url`, a worker its `models`, each its `ops_url`. */
export const readyDetailsSchema = z.object({
  url: z.string().optional(),
  /** Absent where there is no gRPC. */
  grpc_url: z.string().optional(),
  models: z.array(readyModelSchema).optional(),
  /** Where its health and metrics are; absent where there is no such port. */
  ops_url: z.string().optional(),
});
export type ReadyDetails = z.infer<typeof readyDetailsSchema>;

/** What a process tells the one that forked it. */
export const processMessageSchema = z.discriminatedUnion("type", [
  readyDetailsSchema.extend({ type: z.literal("ready"), name: z.string() }),
  z.object({ type: z.literal("startup_error"), name: z.string(), code: z.string(), message: z.string() }),
]);
export type ProcessMessage = z.infer<typeof processMessageSchema>;
