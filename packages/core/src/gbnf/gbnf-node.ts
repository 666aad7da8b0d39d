/** A part of a GBNF grammar as it is written; `at` is where in the text, for what may have to be refused later. */
export type GbnfNode =
  /** These characters, as code points; none for what stands for nothing. */
  | { kind: "literal"; points: number[] }
  /** One character: within the ranges, or outside them all. */
  | { kind: "characters"; ranges: [from: number, to: number][]; isNegated: boolean }
  /** One token of the model, by its id; or any other. */
  | { kind: "token"; id: number; isNegated: boolean }
  | { kind: "rule"; name: string; at: number }
  | { kind: "sequence"; items: GbnfNode[] }
  | { kind: "choice"; options: GbnfNode[]; at: number }
  /** `most` may be Infinity. */
  | { kind: "repeat"; item: GbnfNode; least: number; most: number; at: number };

export interface GbnfRule {
  name: string;
  at: number;
  body: GbnfNode;
}
