import { AppError } from "./errors.ts";
import { type JobRequest, requestTexts } from "./job-request.ts";
import type { ModelEntry } from "./model.ts";

/** Fewest tokens a text can have: no token spells more bytes than the longest of the vocabulary. 0 where that is not known. */
function fewestTokens(text: string, { max_token_bytes: most }: ModelEntry): number {
  return most === null ? 0 : Math.ceil(Buffer.byteLength(text) / most);
}

function refuseLength(text: string, tokens: number, model: ModelEntry, param: string): never {
  const size = `${Buffer.byteLength(text)} bytes, at least ${tokens} tokens`;
  throw new AppError("context_length_exceeded", `The text has ${size}; ${model.name} holds ${model.context_length} tokens.`, {
    param,
  });
}

function refuseType(type: JobRequest["type"], { name, capabilities }: ModelEntry): never {
  const text = `${name} does ${capabilities.join(", ")}, not ${type}. Name a model that does ${type}.`;
  throw new AppError("unsupported_capability", text, { param: "model" });
}

/**
 * Refuses what the model surely cannot do, before anything is stored. The worker counts exactly.
 * @param field where the caller wrote the text of a request to generate
 * @throws AppError `unsupported_capability`, `context_length_exceeded`
 */
export function admit(request: JobRequest, model: ModelEntry, field: "prompt" | "messages"): void {
  if (!model.capabilities.includes(request.type)) refuseType(request.type, model);
  if (request.type === "embedding") {
    for (const [index, text] of request.input.entries()) {
      const tokens = fewestTokens(text, model);
      if (tokens > model.context_length)
        refuseLength(text, tokens, model, request.input.length === 1 ? "input" : `input.${index}`);
    }
    return;
  }
  if (request.type === "rerank") {
    for (const [index, document] of request.documents.entries()) {
      const pair = request.query + document;
      const tokens = fewestTokens(pair, model);
      if (tokens > model.context_length) refuseLength(pair, tokens, model, `documents.${index}`);
    }
    return;
  }
  const text = requestTexts(request).join("");
  const tokens = fewestTokens(text, model);
  if (tokens > model.context_length) refuseLength(text, tokens, model, field);
  const { max_tokens } = request.params;
  if (max_tokens !== undefined && tokens + max_tokens > model.context_length) {
    const sum = `The prompt has at least ${tokens} tokens and max_tokens is ${max_tokens}`;
    throw new AppError("context_length_exceeded", `${sum}; together ${model.name} holds ${model.context_length}.`, {
      param: "params.max_tokens",
    });
  }
}
