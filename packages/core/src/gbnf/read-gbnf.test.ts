import { expect, test } from "vitest";
import type { GbnfNode } from "./gbnf-node.ts";
import { GbnfSource } from "./gbnf-source.ts";
import { readGbnf } from "./read-gbnf.ts";

const read = (text: string) => readGbnf(new GbnfSource(text, "grammar"));
/** The parts of a rule with one alternative. */
const items = (body: string) => {
  const [rule] = read(`root ::= ${body}`);
  if (rule?.body.kind !== "choice") throw new Error("a rule is a choice");
  const [only, ...others] = rule.body.options;
  if (only?.kind !== "sequence" || others.length > 0) throw new Error("a rule has alternatives");
  return only.items;
};
const points = (text: string) => Array.from(text, (character) => character.codePointAt(0));
const a = { kind: "literal", points: [97] };

test.each<[string, object[]]>([
  ['"aé😀"', [{ kind: "literal", points: points("aé😀") }]],
  ['"\\n\\r\\t\\\\\\"\\[\\]\\-\\x41\\u00e9\\U0001F600"', [{ kind: "literal", points: points('\n\r\t\\"[]-Aé😀') }]],
  ['"" [] [^]', [1, 2, 3].map(() => ({ kind: "literal", points: [] }))],
  [
    "[a-z_]",
    [
      {
        kind: "characters",
        ranges: [
          [97, 122],
          [95, 95],
        ],
        isNegated: false,
      },
    ],
  ],
  [
    "[^\\]\\x00-\\x1F-]",
    [
      {
        kind: "characters",
        ranges: [
          [93, 93],
          [0, 31],
          [45, 45],
        ],
        isNegated: true,
      },
    ],
  ],
  [
    "[+--😀-]",
    [
      {
        kind: "characters",
        ranges: [
          [43, 45],
          [0x1f600, 0x1f600],
          [45, 45],
        ],
        isNegated: false,
      },
    ],
  ],
  [".", [{ kind: "characters", ranges: [], isNegated: true }]],
  [
    "<[7]> !<[0012]>",
    [
      { kind: "token", id: 7, isNegated: false },
      { kind: "token", id: 12, isNegated: true },
    ],
  ],
  ["name-1", [{ kind: "rule", name: "name-1", at: 9 }]],
  ['"a"*', [{ kind: "repeat", item: a, least: 0, most: Infinity, at: 12 }]],
  ['"a" +', [{ kind: "repeat", item: a, least: 1, most: Infinity, at: 13 }]],
  ['"a"?', [{ kind: "repeat", item: a, least: 0, most: 1 }]],
  [
    '"a"{3} "a"{3,} "a"{03 , 5}',
    [
      [3, 3],
      [3, Infinity],
      [3, 5],
    ].map(([least, most]) => ({ kind: "repeat", item: a, least, most })),
  ],
  ['"a"{2,2000} "a"{2,2001}', [2_000, Infinity].map((most) => ({ kind: "repeat", item: a, least: 2, most }))],
  ['"a"{2}?', [{ kind: "repeat", least: 0, most: 1, item: { kind: "repeat", item: a, least: 2, most: 2 } }]],
  ['("a" | )', [{ kind: "choice", options: [{ items: [a] }, { items: [] }], at: 9 }]],
])("%s", (body, expected) => expect(items(body)).toMatchObject(expected));

test("rules come as they are written, each with its alternatives", () => {
  const rules = read('root ::= a |\n  # more\n  "b"\n\na ::=\n  | "a"\nroot ::= ""');
  const alternatives = rules.map(({ name, body }: { name: string; body: GbnfNode }) => [
    name,
    body.kind === "choice" ? body.options.length : 0,
  ]);
  expect(alternatives).toEqual([
    ["root", 2],
    ["a", 2],
    ["root", 1],
  ]);
});
