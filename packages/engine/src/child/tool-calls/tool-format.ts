import type { CallRule } from "./call-rules.ts";

/** A call as a model writes it: the name may be of no tool. */
export interface WrittenCall {
  name: string;
  /** A JSON object, as text. */
  arguments: string;
}

/** What a grammar of calls is made of. */
export interface CallGrammar {
  /** The functions that may be called, each with the rule of its arguments. */
  calls: readonly CallRule[];
  /** Whether there may be more than one call. */
  isParallel: boolean;
}

/** A way of writing tool calls that models are trained on, told by their chat template. */
export interface ToolFormat {
  name: string;
  /** Whether models with this chat template write their calls like this. */
  fits(template: string): boolean;
  /** Texts of it that are control tokens in some vocabularies; they have to be seen. */
  markers: readonly string[];
  /** The id of a call as the template takes it. */
  callId(id: string): string;
  /**
   * How much of the text is surely content, and where calls begin in it, once that is sure.
   * @param isBeginning whether nothing of the answer came before the text
   */
  look(text: string, isBeginning: boolean): { contentUpTo: number; callsFrom: number | null };
  /** The root rule, and others, of text that is calls from its first character to the last; `call-rules.ts` has what they use. */
  grammar(grammar: CallGrammar): string;
  /** Reads text that is calls; null when it is anything else. */
  parse(calls: string): WrittenCall[] | null;
}
