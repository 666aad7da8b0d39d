import { AppError, type Message, type ToolCall } from "@llamero/core";
import { z } from "zod";

const inputText = z.strictObject({
  type: z.enum(["input_text", "output_text", "text"], { error: "only text is supported" }),
  text: z.string(),
  // What an output has, which clients send back as it came.
  annotations: z.array(z.unknown()).optional(),
  logprobs: z.array(z.unknown()).optional(),
});
const content = z.union([z.string(), z.array(inputText).min(1, "is empty")]);
const itemStatus = z.enum(["in_progress", "completed", "incomplete"]).nullish();
const itemId = z.string().max(128).nullish();

const messageItem = z.strictObject({
  type: z.literal("message").optional(),
  role: z.enum(["user", "assistant", "system", "developer"]),
  content,
  id: itemId,
  status: itemStatus,
});
const callItem = z.strictObject({
  type: z.literal("function_call"),
  call_id: z.string().min(1).max(256),
  name: z.string(),
  arguments: z.string(),
  id: itemId,
  status: itemStatus,
});
const outputItem = z.strictObject({
  type: z.literal("function_call_output"),
  call_id: z.string().min(1).max(256),
  output: content,
  id: itemId,
  status: itemStatus,
});

/** What a response is asked to answer. */
export const inputItemSchema = z.union([messageItem, callItem, outputItem]).meta({ id: "ResponseInputItem" });
export type InputItem = z.infer<typeof inputItemSchema>;

const textOf = (of: z.infer<typeof content>): string => (typeof of === "string" ? of : of.map(({ text }) => text).join(""));

function callOf({ call_id, name, arguments: text }: z.infer<typeof callItem>): ToolCall {
  return { id: call_id, type: "function", function: { name, arguments: text } };
}

/** Items as messages of a chat: calls that follow one another, and the text before them, are one answer. */
export function toMessages(items: readonly InputItem[]): Message[] {
  const messages: Message[] = [];
  for (const item of items) {
    if (item.type === "function_call") {
      const last = messages.at(-1);
      if (last?.role === "assistant") last.tool_calls = [...(last.tool_calls ?? []), callOf(item)];
      else messages.push({ role: "assistant", content: null, tool_calls: [callOf(item)] });
    } else if (item.type === "function_call_output") {
      messages.push({ role: "tool", content: textOf(item.output), tool_call_id: item.call_id });
    } else if (item.role === "assistant") {
      messages.push({ role: "assistant", content: textOf(item.content) });
    } else {
      messages.push({ role: item.role === "user" ? "user" : "system", content: textOf(item.content) });
    }
  }
  return messages;
}

/** The items of an input as a list shows them: with ids, and texts as parts. @param tail what the ids end in, before a number */
export function shownItems(items: readonly InputItem[], tail: string): object[] {
  const part = (of: z.infer<typeof content>, type: "input_text" | "output_text") =>
    typeof of === "string" ? [type === "input_text" ? { type, text: of } : { type, text: of, annotations: [] }] : of;
  return items.map((item, index) => {
    const named = (prefix: string) => item.id ?? `${prefix}_${tail}_${index}`;
    if (item.type === "function_call") return { ...item, id: named("fc"), status: "completed" };
    if (item.type === "function_call_output") return { ...item, id: named("fco"), status: "completed" };
    const type = item.role === "assistant" ? "output_text" : "input_text";
    return { type: "message", id: named("msg"), role: item.role, status: "completed", content: part(item.content, type) };
  });
}

/** @throws AppError `invalid_request` where there is nothing to answer */
export function requireInput(items: readonly InputItem[]): void {
  if (items.length === 0) throw new AppError("invalid_request", "Give the input to answer.", { param: "input" });
}
