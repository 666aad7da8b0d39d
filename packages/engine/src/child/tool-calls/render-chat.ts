import { Template } from "@huggingface/jinja";
import type { Message, Tool } from "@llamero/core";
import { type Piece, SealedTexts } from "./sealed-texts.ts";
import type { ToolFormat } from "./tool-format.ts";

export interface Chat {
  messages: readonly Message[];
  /** Those that are offered; none when there are none. */
  tools: readonly Tool[];
  bos: string | null;
  eos: string | null;
}

interface TemplateMessage {
  role: string;
  content: string;
  [more: string]: unknown;
}

/** A message as Hugging Face hands it to templates: arguments are objects. */
function forTemplate(message: Message, seals: SealedTexts, callId: ToolFormat["callId"]): TemplateMessage {
  const { role } = message;
  const content = message.content ? seals.seal(message.content) : "";
  if (role === "tool") return { role, content, tool_call_id: seals.sealAll(callId(message.tool_call_id)) };
  if (role !== "assistant" || message.tool_calls === undefined) return { role, content };
  const tool_calls = message.tool_calls.map(({ id, function: { name, arguments: written } }) => ({
    id: seals.sealAll(callId(id)),
    type: "function",
    function: { name, arguments: seals.sealAll(JSON.parse(written)) },
  }));
  return { role, content, tool_calls };
}

/** A question or a result that a template leaves out, a model makes up. Mistral's leave out instructions, as a rule. */
function checkComplete(rendered: string, messages: readonly TemplateMessage[]): void {
  const seals = rendered.replaceAll("\\", "");
  const missing = messages.find(({ role, content }) => ["user", "tool"].includes(role) && !seals.includes(content));
  if (missing !== undefined) throw new Error(`The chat template leaves out a message of role ${missing.role}.`);
}

/**
 * Renders a chat with tools through the model's own template, with what Hugging Face gives to it.
 * @throws Error when the template refuses the chat
 */
export function renderChat(template: string, format: ToolFormat, { messages, tools, bos, eos }: Chat): Piece[] {
  const seals = new SealedTexts();
  const sealed = messages.map((message) => forTemplate(message, seals, format.callId));
  const rendered = new Template(template).render({
    messages: sealed,
    tools: tools.length === 0 ? null : tools.map((tool) => seals.sealAll(tool)),
    add_generation_prompt: true,
    bos_token: bos ?? "",
    eos_token: eos ?? "",
  });
  checkComplete(rendered, sealed);
  return seals.open(rendered);
}
