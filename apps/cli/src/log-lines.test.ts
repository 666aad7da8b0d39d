import { expect, test } from "vitest";
import { createLogLines } from "./log-lines.ts";

function printed(name: string, line: string, colour = false): string {
  let text = "";
  createLogLines({ write: (part) => (text += part), colour })(name, line);
  return text;
}

test("renders a JSON line readable, behind the name of its process", () => {
  const line = JSON.stringify({ level: "info", time: new Date(0), name: "api", pid: 1, port: 3000, msg: "listening" });
  expect(printed("api", line)).toMatch(/^api {8}│ \[\d\d:\d\d:\d\d\] INFO: listening \{"port":3000\}\n$/);
});

test("puts the name before every line of a stack", () => {
  const err = { type: "Error", message: "lost", stack: "Error: lost\n    at first\n    at second" };
  const lines = printed("worker", JSON.stringify({ level: "error", time: new Date(0), err, msg: "failed" }))
    .trimEnd()
    .split("\n");
  expect(lines.length).toBeGreaterThan(2);
  for (const line of lines) expect(line).toMatch(/^worker {5}│ /);
});

test.each(["plain text", '{"not":"a log line"}', '{"level":"info", broken'])("passes %j on as it is", (line) => {
  expect(printed("redis", line)).toBe(`redis      │ ${line}\n`);
});

test("prints nothing for an empty line", () => {
  expect(printed("api", "")).toBe("");
});

test("colours the name only when asked to", () => {
  expect(printed("api", "text", true)).toContain("\u001b[36m");
  expect(printed("api", "text")).not.toContain("\u001b[");
});
