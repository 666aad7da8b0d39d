import { checkLookOut, checkWays } from "./gbnf/beginning-costs.ts";
import { plainBeginnings, realBeginnings } from "./gbnf/beginnings.ts";
import { flatten } from "./gbnf/flatten.ts";
import { GbnfSource } from "./gbnf/gbnf-source.ts";
import { refuseHiddenRecursion, refusePlainRecursion } from "./gbnf/left-recursion.ts";
import { readGbnf } from "./gbnf/read-gbnf.ts";

/**
 * Refuses a GBNF grammar that llama.cpp would refuse, and one that it would not come to an end with, or only after a time in
 * which nothing else decodes. How many ways a grammar leaves open at once as the output grows is not foreseen: where alternatives
 * begin alike and lead back to their rule, it depends on the text.
 * @param param what errors call it
 * @throws AppError `invalid_request`, with line and column
 */
export function checkGrammar(text: string, param: string): void {
  const source = new GbnfSource(text, param);
  const grammar = flatten(readGbnf(source), source);
  const plain = plainBeginnings(grammar);
  refusePlainRecursion(plain, source);
  checkLookOut(grammar, plain, source);
  const real = realBeginnings(grammar);
  refuseHiddenRecursion(real, source);
  checkWays(grammar, real, source);
}
