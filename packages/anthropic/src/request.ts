import { AppError, type Message, metadataSchema, type SubmitBody, type Tool, type ToolChoice, toolSchema } from "@llamero/core";
import { z } from "zod";

/** Not supported at all. */
const unsupported = () => z.null({ error: "is not supported; leave it out" }).optional().meta({ description: "Not supported." });
const cacheControl = z
  .unknown()
  .optional()
  .meta({ description: "Taken and without effect: every prompt's beginning is reused." });

const textBlock = z.strictObject({
  type: z.literal("text", { error: "only text is supported" }),
  text: z.string(),
  cache_control: cacheControl,
  citations: z.null().optional(),
});
const toolUseBlock = z.strictObject({
  type: z.literal("tool_use"),
  id: z.string().min(1).max(256),
  name: z.string(),
  input: z.record(z.string(), z.unknown()),
  cache_control: cacheControl,
});
const toolResultBlock = z.strictObject({
  type: z.literal("tool_result"),
  tool_use_id: z.string().min(1).max(256),
  content: z.union([z.string(), z.array(textBlock)]).optional(),
  is_error: z.boolean().optional(),
  cache_control: cacheControl,
});
const block = z.discriminatedUnion("type", [textBlock, toolUseBlock, toolResultBlock], {
  error: "only text, tool_use and tool_result are supported",
});
type Block = z.infer<typeof block>;

const messageSchema = z.strictObject({
  role: z.enum(["user", "assistant"]),
  content: z.union([z.string(), z.array(block).min(1, "is empty")]),
});

const definition = toolSchema.shape.function.shape;
const tool = z.strictObject({
  type: z.literal("custom", { error: "only tools of one's own are supported" }).nullish(),
  name: definition.name,
  description: z.string().optional(),
  input_schema: z.record(z.string(), z.unknown()),
  cache_control: cacheControl,
});
const isAlone = z.boolean().optional().meta({ description: "At most one call." });
const toolChoice = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("auto"), disable_parallel_tool_use: isAlone }),
  z.strictObject({ type: z.literal("any"), disable_parallel_tool_use: isAlone }),
  z.strictObject({ type: z.literal("tool"), name: z.string(), disable_parallel_tool_use: isAlone }),
  z.strictObject({ type: z.literal("none") }),
]);

const MOST_STOPS = 16;

/** The body of `POST /v1/messages`. */
export const createMessageSchema = z
  .strictObject({
    model: z.string().min(1).max(256),
    max_tokens: z.int().min(1).max(1_000_000),
    messages: z.array(messageSchema).min(1, "is empty").max(1024),
    system: z.union([z.string(), z.array(textBlock)]).optional(),
    temperature: z.number().min(0).max(1).optional().meta({ description: "Default 1." }),
    top_p: z.number().gt(0).max(1).optional(),
    top_k: z.int().min(0).max(1_000_000).optional(),
    stop_sequences: z.array(z.string().min(1).max(256)).max(MOST_STOPS).optional(),
    tools: z.array(tool).max(128).optional(),
    tool_choice: toolChoice.optional(),
    stream: z.boolean().optional(),
    metadata: z.strictObject({ user_id: z.string().max(512).nullish() }).optional(),
    service_tier: z.enum(["auto", "standard_only"]).optional().meta({ description: "Taken and without effect." }),
    thinking: z.strictObject({ type: z.literal("disabled", { error: "is not supported; leave it out" }) }).optional(),
    container: unsupported(),
    context_management: unsupported(),
    mcp_servers: unsupported(),
    output_config: unsupported(),
  })
  .meta({ id: "CreateMessage" });
export type MessageBody = z.infer<typeof createMessageSchema>;

const textOf = (content: string | readonly { text: string }[] | undefined): string =>
  typeof content === "string" ? content : (content ?? []).map(({ text }) => text).join("");

const isText = (part: Block) => part.type === "text";

/** Results of calls come first, as messages of their own: whoever made the calls has them behind him. */
function userMessages(parts: readonly Block[]): Message[] {
  const results = parts.flatMap((part): Message[] =>
    part.type === "tool_result" ? [{ role: "tool", tool_call_id: part.tool_use_id, content: textOf(part.content) }] : [],
  );
  if (parts.some(({ type }) => type === "tool_use"))
    throw new AppError("invalid_request", "tool_use stands in messages of the assistant only.", { param: "messages" });
  const text = textOf(parts.filter(isText));
  return text === "" ? results : [...results, { role: "user", content: text }];
}

function assistantMessages(parts: readonly Block[]): Message[] {
  if (parts.some(({ type }) => type === "tool_result"))
    throw new AppError("invalid_request", "tool_result stands in messages of the user only.", { param: "messages" });
  const tool_calls = parts.flatMap((part) =>
    part.type === "tool_use"
      ? [{ id: part.id, type: "function" as const, function: { name: part.name, arguments: JSON.stringify(part.input) } }]
      : [],
  );
  const text = textOf(parts.filter(isText));
  return [{ role: "assistant", content: text === "" ? null : text, ...(tool_calls.length > 0 ? { tool_calls } : {}) }];
}

function toMessages({ role, content }: MessageBody["messages"][number]): Message[] {
  if (typeof content === "string") return [{ role, content }];
  return role === "user" ? userMessages(content) : assistantMessages(content);
}

const toTool = ({ name, description, input_schema }: z.infer<typeof tool>): Tool => ({
  type: "function",
  function: { name, parameters: input_schema, ...(description === undefined ? {} : { description }) },
});

function toChoice(choice: z.infer<typeof toolChoice>): ToolChoice {
  switch (choice.type) {
    case "tool":
      return { type: "function", function: { name: choice.name } };
    case "any":
      return "required";
    default:
      return choice.type;
  }
}

/** Anthropic's, where a call names none. */
const TEMPERATURE = 1;

function paramsOf(body: MessageBody): NonNullable<SubmitBody["params"]> {
  const { max_tokens, temperature, top_p, top_k, stop_sequences, tools, tool_choice } = body;
  const isParallel =
    tool_choice === undefined || !("disable_parallel_tool_use" in tool_choice && tool_choice.disable_parallel_tool_use);
  return {
    max_tokens,
    temperature: temperature ?? TEMPERATURE,
    ...(top_p === undefined ? {} : { top_p }),
    ...(top_k === undefined ? {} : { top_k }),
    ...(stop_sequences?.length ? { stop: stop_sequences } : {}),
    ...(tools?.length ? { tools: tools.map(toTool), parallel_tool_calls: isParallel } : {}),
    ...(tools?.length && tool_choice !== undefined ? { tool_choice: toChoice(tool_choice) } : {}),
  };
}

/** The job of a message. */
export function messageJob(body: MessageBody): SubmitBody {
  const system = textOf(body.system);
  const lead: Message[] = system === "" ? [] : [{ role: "system", content: system }];
  const userId = body.metadata?.user_id;
  return {
    type: "chat",
    model: body.model,
    messages: [...lead, ...body.messages.flatMap(toMessages)],
    params: paramsOf(body),
    ...(userId ? { metadata: metadataSchema.parse({ user_id: userId }) } : {}),
  };
}
