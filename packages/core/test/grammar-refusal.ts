import { checkGrammar } from "../src/check-grammar.ts";
import { AppError } from "../src/errors.ts";

/** How a grammar is refused; null when it is taken. */
export function refusal(grammar: string): AppError | null {
  try {
    checkGrammar(grammar, "grammar");
    return null;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

export function lines(...parts: string[]): string {
  return parts.join("\n");
}

export function times(count: number, part: (index: number) => string, between = ""): string {
  return Array.from({ length: count }, (_, index) => part(index)).join(between);
}
