import { expect, test } from "vitest";
import { afterThought, list } from "./call-rules.ts";

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
