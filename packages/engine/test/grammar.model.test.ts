import { AppError, checkGrammar } from "@llamero/core";
import { randomGrammar, seededRandom } from "@llamero/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineRuntime } from "../src/index.ts";
import { chat, generate, startTiny } from "./tiny-engine.ts";

/** Of a child that hangs in a grammar; its engine kills it then. */
const SILENT_MS = 5_000;
/** What is refused at submission although llama.cpp would take it; it might not come back from there. */
const HARMFUL = /begins with itself|less than the first|too many ways|more than 10000 rules|no tokens with ids/;

let engine: EngineRuntime;
beforeAll(async () => {
  engine = await startTiny({ slots: 4, silentMs: SILENT_MS });
});
afterAll(() => engine.close());

async function refusal(run: () => unknown): Promise<AppError | null> {
  try {
    await run();
    return null;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

const atSubmission = (grammar: string) => refusal(() => checkGrammar(grammar, "params.grammar"));
const inTheEngine = (grammar: string) =>
  refusal(() => generate(engine, chat("Go.", { grammar, max_tokens: 1, temperature: 2, seed: 1 })));

test.each([1, 2, 3, 4])(
  "llama.cpp takes of random grammars what is taken at submission, and no others, from seed %i",
  async (seed) => {
    const random = seededRandom(seed * 90_001);
    const counts = { taken: 0, refused: 0 };
    for (let index = 0; index < 300; index++) {
      const grammar = randomGrammar(random);
      const refused = await atSubmission(grammar);
      if (refused !== null && HARMFUL.test(refused.message)) continue;
      const inEngine = await inTheEngine(grammar);
      expect(inEngine?.code ?? "taken", `${refused?.message}\n${grammar}`).toBe(refused?.code ?? "taken");
      counts[refused === null ? "taken" : "refused"]++;
    }
    expect(Math.min(counts.taken, counts.refused)).toBeGreaterThan(30);
  },
);

test.each([
  ...[
    'root ::= "" | [] | [^] | () | e\ne ::=',
    "root ::= [-a] [a-] [--z] [z-a] [\\]]",
    'root ::= "a" |\n\n # why\n "b"',
    'root ::= "a"\n | "b"',
  ],
  ...[
    'root ::= a # one\r\na ::= "a"\r\r\nb ::= "b"\rc ::= "c"',
    'root ::=\n\n"a"',
    'root ::= "a\nb"',
    "root ::= .{2} . *",
    'root = "a"',
  ],
  ...[
    'root ::= "a"\nroot ::= "b"',
    "root ::= a",
    'my_rule ::= "a"',
    "root ::= 1\n1 ::= -a-\n-a- ::= [a]",
    'ws ::=\nroot ::= "a"',
    "#",
  ],
  ...[
    'root ::= "\\x41\\u00e9\\U0001F600\\U00110000\\x00"',
    'root ::= "\\x4"',
    'root ::= "\\d"',
    "root ::= [\\^]",
    'root ::= "\\',
  ],
  ...[
    'root ::= "a"{0} "b"{0,0} "c"{7,999999} "d"{ 1 , 2 }',
    'root ::= "a"{0}*',
    'root ::= ""?',
    'root ::= "a"{,2}',
    'root ::= "a"{1;2}',
  ],
  ...[
    'root ::= "a"{2000}',
    'root ::= "a"{2001}',
    'root ::= "a"{100}{20}',
    'root ::= "a"{100}{21}',
    `root ::= "a"{0,${"9".repeat(20)}}`,
  ],
  ...[
    'root ::= (a b){700}\na ::= "a"\nb ::= "b"',
    'root ::= (a b){600}\na ::= "a"\nb ::= "b"',
    'root ::= a b (a b){2000}\na ::= "a"\nb ::= "b"',
  ],
  ...[
    "root ::= <[1]> !<[2]>*",
    "root ::= <tok>",
    "root ::= <[1>",
    "root ::= !a",
    'root ::= ("a"* "b"*)* ("c"?)+',
    'root ::= "a"?? "b"{2}?',
  ],
  ...[
    'root ::= s root | "x"\ns ::= t\nt ::= "a" | ""',
    'root ::= "a"\nr ::= s r "x" | "y"\ns ::= t\nt ::= "" | "a"',
    'root ::= "(" root ")" root | "b"',
  ],
])("llama.cpp takes what is taken at submission, and no others: %j", async (grammar) => {
  const refused = await atSubmission(grammar);
  expect((await inTheEngine(grammar))?.code ?? "taken").toBe(refused?.code ?? "taken");
});

const times = (count: number, part: (index: number) => string, between = "") =>
  Array.from({ length: count }, (_, index) => part(index)).join(between);

test.each<[string, string]>([
  ["rules of repetitions", `root ::= ${'"a"{0,2000} '.repeat(5)}`],
  ["characters of repetitions", `root ::= "${"a".repeat(99)}"{2000}`],
  ["words", `root ::= ${times(2_990, (index) => `"${index}"`, "|")}`],
  ["long words", `root ::= ${times(2_300, (index) => `"word ${index}"`, "|")}`],
  ["rules in one another", `root ::= r0\n${times(1_380, (index) => `r${index} ::= r${index + 1} "x"\n`)}r1380 ::= "x"`],
  ["rules in one another without more", `root ::= r0\n${times(3_900, (index) => `r${index} ::= r${index + 1}\n`)}r3900 ::= "x"`],
  ["ways to the same", `root ::= "a"\n${times(19, (index) => `r${index} ::= r${index + 1} | r${index + 1}\n`)}r19 ::= "x"`],
  ["groups in one another", `root ::= ${"(".repeat(256)}"a"${")".repeat(256)}`],
  ["signs behind one another", `root ::= "a"${"?".repeat(256)}`],
])("llama.cpp comes to an end soon with as many %s as are taken", async (_what, grammar) => {
  expect(await atSubmission(grammar)).toBeNull();
  const begin = performance.now();
  expect(await inTheEngine(grammar)).toBeNull();
  expect(performance.now() - begin).toBeLessThan(2_000);
});
