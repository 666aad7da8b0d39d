/** A rule as llama.cpp keeps it: those that groups and repetitions become are rules of their own. */
export interface FlatRule {
  /** Its place among the rules, which is llama.cpp's too. */
  id: number;
  /** As it is written; that of the rule around it where it is made of a group or a repetition. */
  name: string;
  at: number;
  /** The alternatives, each with the rules that it consists of; null for a run of characters and tokens between them. */
  options: readonly (readonly FlatUnit[])[];
  /** llama.cpp's elements. */
  size: number;
}

export type FlatUnit = FlatRule | null;

export interface FlatGrammar {
  rules: readonly FlatRule[];
  root: FlatRule;
}
