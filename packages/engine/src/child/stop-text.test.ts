import { expect, test } from "vitest";
import { StopText } from "./stop-text.ts";

function run(stops: string[], pieces: string[]): { out: string[]; stopped: boolean; rest: string } {
  const stopText = new StopText(stops);
  const out: string[] = [];
  for (const piece of pieces) {
    const { text, stopped } = stopText.push(piece);
    out.push(text);
    if (stopped) return { out, stopped, rest: "" };
  }
  return { out, stopped: false, rest: stopText.flush() };
}

test("lets everything through at once without stop texts", () => {
  expect(run([], ["a", "b"])).toEqual({ out: ["a", "b"], stopped: false, rest: "" });
});

test("ends before a stop text that tokens cut in three", () => {
  expect(run(["END"], ["one E", "N", "D two"])).toEqual({ out: ["one ", "", ""], stopped: true, rest: "" });
});

test("gives back what only looked like the beginning of a stop text", () => {
  expect(run(["END"], ["E", "N", "X"])).toEqual({ out: ["", "", "ENX"], stopped: false, rest: "" });
});

test("holds back no more than may begin a stop text", () => {
  expect(run(["aab"], ["xaaa"])).toEqual({ out: ["xa"], stopped: false, rest: "aa" });
});

test("takes the earliest of several stop texts in one piece", () => {
  expect(run(["two", "one"], ["zero one two"])).toEqual({ out: ["zero "], stopped: true, rest: "" });
});

test("flushes a held beginning when the output ends", () => {
  expect(run(["\n\n"], ["last line\n"])).toEqual({ out: ["last line"], stopped: false, rest: "\n" });
});
