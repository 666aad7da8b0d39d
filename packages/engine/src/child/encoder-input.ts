import { AppError } from "@llamero/core";
import { type LlamaModel, LlamaVocabularyType, type Token } from "node-llama-cpp";

/** Tokens that a model's tokenizer puts around a text, or null; which of them it does is llama.cpp's rule per vocabulary. */
interface Frame {
  beginning: Token | null;
  end: Token | null;
}

function frameOf({ vocabularyType, tokens }: LlamaModel): Frame {
  switch (vocabularyType) {
    case LlamaVocabularyType.rwkv:
      return { beginning: null, end: null };
    case LlamaVocabularyType.wpm:
      return { beginning: tokens.bos, end: tokens.sep };
    case LlamaVocabularyType.ugm:
      return { beginning: null, end: tokens.eos };
    default:
      return {
        beginning: tokens.shouldPrependBosToken ? tokens.bos : null,
        end: tokens.shouldAppendEosToken ? tokens.eos : null,
      };
  }
}

function given(token: Token | null): Token[] {
  return token === null ? [] : [token];
}

/** The tokens that a model reads for a text to embed; what the caller writes never becomes a control token. */
export function embeddingInput(model: LlamaModel, text: string): Token[] {
  const tokens = model.tokenize(text, false);
  const { beginning, end } = frameOf(model);
  if (beginning !== null && tokens[0] !== beginning) tokens.unshift(beginning);
  if (end !== null && tokens.at(-1) !== end) tokens.push(end);
  return tokens;
}

const plain = (model: LlamaModel, text: string) => model.tokenize(text, false, "trimLeadingSpace");

/** A text with the places `{query}` and `{document}`, of models that were taught in words what to rank by. */
function templateInput(model: LlamaModel, template: string, texts: Readonly<Record<string, readonly Token[]>>): Token[] {
  const pieces = template.split(/(\{query\}|\{document\})/);
  const tokens = pieces.flatMap((piece) => texts[piece] ?? model.tokenize(piece, true, "trimLeadingSpace"));
  const { beginning } = frameOf(model);
  return beginning === null || tokens[0] === beginning ? tokens : [beginning, ...tokens];
}

/**
 * Makes the tokens that a model reads for a pair of query and document.
 * @throws AppError `unsupported_capability` when the model says of no form for pairs
 */
export function pairInputs(model: LlamaModel, query: string): (document: string) => Token[] {
  const template = model.fileInfo.metadata.tokenizer?.["chat_template.rerank"];
  const queryTokens = plain(model, query);
  if (template?.includes("{query}") && template.includes("{document}"))
    return (document) => templateInput(model, template, { "{query}": queryTokens, "{document}": plain(model, document) });
  const { bos, eos, sep } = model.tokens;
  if (eos === null && sep === null) {
    const text = "This model cannot rerank: it has neither a separator nor a template for pairs. Name another model.";
    throw new AppError("unsupported_capability", text, { param: "model" });
  }
  const before = [...given(bos), ...queryTokens, ...given(eos), ...given(sep)];
  return (document) => [...before, ...plain(model, document), ...given(eos)];
}
