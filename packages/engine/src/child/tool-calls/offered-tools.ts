import type { GenerateRequest, Tool } from "@llamero/core";

/** What a request lets a model call. */
export interface Offer {
  /** What the model is told of. */
  listed: readonly Tool[];
  /** What it may call: one, where the caller has named it. */
  callable: readonly Tool[];
  isParallel: boolean;
  /** Whether it may also answer without a call. */
  mayAnswer: boolean;
}

/** The tools that a request offers; null when there are none, or when none is to be called. */
export function offerOf(request: GenerateRequest): Offer | null {
  const { tools, tool_choice = "auto", parallel_tool_calls = true } = request.params;
  if (request.type !== "chat" || tools === undefined || tool_choice === "none") return null;
  if (typeof tool_choice === "string")
    return { listed: tools, callable: tools, isParallel: parallel_tool_calls, mayAnswer: tool_choice === "auto" };
  const callable = tools.filter((tool) => tool.function.name === tool_choice.function.name);
  return { listed: tools, callable, isParallel: false, mayAnswer: false };
}
