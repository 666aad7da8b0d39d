import { z } from "zod";
import { ownRecord } from "./own-record.ts";

const functionName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, _ or -");

/** A function that the model may ask the caller to run, in OpenAI's form. */
export const toolSchema = z
  .strictObject({
    type: z.literal("function"),
    function: z.strictObject({
      name: functionName,
      description: z.string().optional(),
      parameters: ownRecord(z.record(z.string(), z.unknown())).optional().meta({
        description:
          "JSON Schema of the arguments, an object. Properties that required does not name may be left out. Absent: none.",
      }),
      strict: z.boolean().nullable().optional().meta({ description: "Taken and without effect: arguments always conform." }),
    }),
  })
  .meta({ id: "Tool" });
export type Tool = z.infer<typeof toolSchema>;

export const toolChoiceSchema = z
  .union([
    z.enum(["none", "auto", "required"]),
    z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: functionName }) }),
  ])
  .meta({
    id: "ToolChoice",
    description: "auto (the default): the model decides; required: at least one call; a function: one call of this one.",
  });
export type ToolChoice = z.infer<typeof toolChoiceSchema>;

/** A call that a model asks for; `arguments` is JSON text. */
export const toolCallSchema = z
  .strictObject({
    id: z.string().min(1).max(256),
    type: z.literal("function"),
    function: z.strictObject({
      name: functionName,
      arguments: z.string().meta({ description: "A JSON object, as text." }),
    }),
  })
  .meta({ id: "ToolCall" });
export type ToolCall = z.infer<typeof toolCallSchema>;
