import { expect, test } from "vitest";
import { afterThought, list, prefixRules, withArguments } from "./call-rules.ts";

test("gives rules other names, and leaves texts, characters and numbers alone", () => {
  const grammar = 'root ::= "root \\"root\\"" [root\\]x] item-2{2,3} # root\nitem-2 ::= root';
  expect(prefixRules(grammar, "a-")).toBe('a-root ::= "root \\"root\\"" [root\\]x] a-item-2{2,3} # root\na-item-2 ::= a-root');
});

test("puts every function's arguments beside the calls", () => {
  const tools = ["f", "g"].map((name) => ({ type: "function" as const, function: { name } }));
  const text = withArguments(tools, ['root ::= "1"', 'root ::= "2"'], (calls) => JSON.stringify(calls));
  expect(text.split("\n")).toEqual([
    '[{"name":"f","argumentsRule":"arguments-0-root"},{"name":"g","argumentsRule":"arguments-1-root"}]',
    'arguments-0-root ::= "1"',
    'arguments-1-root ::= "2"',
  ]);
});

test("puts the end of a thought before the calls", () => {
  expect(afterThought('root ::= call\ncall ::= "root"').split("\n")).toEqual([
    'root ::= thought "</think>" [ \\n]* calls',
    'thought ::= ([^<] | "<" [^/])*',
    "calls ::= call",
    'call ::= "root"',
  ]);
});

test("limits how often an item may come", () => {
  expect([list("a", "b", true), list("a", "b", false)]).toEqual(["a (b a){0,15}", "a"]);
});
