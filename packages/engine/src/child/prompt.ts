import { AppError, type GenerateRequest, type Message, toAppError } from "@llamero/core";
import {
  type ChatHistoryItem,
  JinjaTemplateChatWrapper,
  type LlamaModel,
  LlamaText,
  SpecialTokensText,
  type Token,
} from "node-llama-cpp";
import { formatOf } from "./tool-calls/formats.ts";
import { genericMessages } from "./tool-calls/generic.ts";
import { offerOf } from "./tool-calls/offered-tools.ts";
import { renderChat } from "./tool-calls/render-chat.ts";

type ChatRequest = Extract<GenerateRequest, { type: "chat" }>;

/**
 * The model's own chat template, ready to render; null when the GGUF has none.
 * node-llama-cpp's specialised wrappers are passed by on purpose: they are guesses by name, the template is the model's word.
 * @throws Error when the template is no valid Jinja
 */
export function chatTemplate(model: LlamaModel): JinjaTemplateChatWrapper | null {
  const template = model.fileInfo.metadata.tokenizer?.chat_template;
  if (template === undefined || template.trim() === "") return null;
  return new JinjaTemplateChatWrapper({ template, tokenizer: model.tokenizer, functionCallMessageTemplate: "noJinja" });
}

function historyItem({ role, content }: Message): ChatHistoryItem {
  switch (role) {
    case "system":
      return { type: "system", text: content };
    case "user":
      return { type: "user", text: content };
    case "assistant":
      return { type: "model", response: [content ?? ""] };
    case "tool":
      throw new Error("A tool's message has to be put into a form that this chat template knows.");
  }
}

/** A conversation that ends with the assistant is continued there; any other gets an answer of its own. */
function plainText(wrapper: JinjaTemplateChatWrapper, messages: readonly Message[]): LlamaText {
  const chatHistory = messages.map(historyItem);
  if (chatHistory.at(-1)?.type !== "model") chatHistory.push({ type: "model", response: [] });
  return wrapper.generateContextState({ chatHistory }).contextText;
}

/** A chat that offers tools, or in which some were called. */
function toolText(model: LlamaModel, wrapper: JinjaTemplateChatWrapper, request: ChatRequest): LlamaText {
  const offer = offerOf(request);
  const tools = offer?.listed ?? [];
  const format = formatOf(wrapper.template);
  if (format === null) return plainText(wrapper, genericMessages(request.messages, tools, offer?.mayAnswer ?? true));
  const { bosString: bos, eosString: eos } = model.tokens;
  const pieces = renderChat(wrapper.template, format, { messages: request.messages, tools, bos, eos });
  return LlamaText(pieces.map(({ text, isCallers }) => (isCallers ? text : new SpecialTokensText(text))));
}

function hasTools(request: ChatRequest): boolean {
  return offerOf(request) !== null || request.messages.some((message) => message.role === "tool" || "tool_calls" in message);
}

function chatTokens(model: LlamaModel, wrapper: JinjaTemplateChatWrapper, request: ChatRequest): Token[] {
  try {
    const text = hasTools(request) ? toolText(model, wrapper, request) : plainText(wrapper, request.messages);
    return text.tokenize(model.tokenizer);
  } catch (error) {
    const text = "The model's chat template does not take these messages; check the order of their roles.";
    throw toAppError(error, "invalid_request", text);
  }
}

function withBeginning(model: LlamaModel, tokens: Token[]): Token[] {
  const { bos, shouldPrependBosToken } = model.tokens;
  return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}

/**
 * The tokens that the model reads for a request; texts of the caller never become control tokens.
 * @throws AppError `unsupported_capability`, `invalid_request`
 */
export function promptTokens(model: LlamaModel, wrapper: JinjaTemplateChatWrapper | null, request: GenerateRequest): Token[] {
  if (request.type === "completion") return withBeginning(model, model.tokenize(request.prompt, false));
  if (wrapper === null) throw new AppError("unsupported_capability", "This model has no chat template.", { param: "type" });
  return withBeginning(model, chatTokens(model, wrapper, request));
}

/**
 * How many tokens a request may generate.
 * @throws AppError `context_length_exceeded` with the numbers
 */
export function tokenBudget(request: GenerateRequest, promptLength: number, contextLength: number): number {
  const wanted = request.params.max_tokens;
  if (promptLength >= contextLength) {
    const text = `The prompt has ${promptLength} tokens; the model's context holds ${contextLength}, the answer included. Shorten it.`;
    throw new AppError("context_length_exceeded", text, { param: request.type === "chat" ? "messages" : "prompt" });
  }
  if (wanted !== undefined && promptLength + wanted > contextLength) {
    const text =
      `The prompt has ${promptLength} tokens and max_tokens is ${wanted}: together ${promptLength + wanted}, ` +
      `and the model's context holds ${contextLength}. Ask for at most ${contextLength - promptLength} tokens.`;
    throw new AppError("context_length_exceeded", text, { param: "params.max_tokens" });
  }
  return wanted ?? contextLength - promptLength;
}
