import { AppError } from "@llamero/core";
import { expect, test } from "vitest";
import { createLogger, type Logger, setLogLevel } from "./logger.ts";
import { during } from "./tracing/current-call.ts";

function logged(write: (logger: Logger) => void): Record<string, unknown> {
  const lines: string[] = [];
  write(createLogger({ name: "api", level: "info", destination: { write: (line) => lines.push(line) } }));
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? "");
}

test("writes one JSON line with name, level and time", () => {
  expect(logged((logger) => logger.info({ port: 3000 }, "listening"))).toMatchObject({
    level: "info",
    name: "api",
    pid: process.pid,
    port: 3000,
    msg: "listening",
    time: expect.stringMatching(/^\d{4}-/),
  });
});

test("names the trace and the request that a line belongs to", () => {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const line = logged((logger) => during({ traceparent, requestId: "req_1" }, () => logger.info("inside")));
  expect(line).toMatchObject({ trace_id: "4bf92f3577b34da6a3ce929d0e0e4736", request_id: "req_1", msg: "inside" });
  expect(logged((logger) => logger.info("outside"))).not.toHaveProperty("trace_id");
});

test("leaves out secrets and prompts, at the top and inside objects", () => {
  const line = logged((logger) =>
    logger.info({
      prompt: "private",
      job: { input: "private", messages: ["private"], output: { text: "private" } },
      request: { headers: { authorization: "private" } },
      webhook: { secret: "private" },
      api: { key: "private" },
    }),
  );
  expect(JSON.stringify(line)).not.toContain("private");
});

test("keeps an error's code and stack, and its cause's message", () => {
  const error = new AppError("redis_unavailable", "Redis does not answer.", { cause: new Error("refused") });
  const line = logged((logger) => logger.error({ err: error }, "failed"));
  expect(line["err"]).toMatchObject({ code: "redis_unavailable", stack: expect.stringContaining("refused") });
});

test("leaves out the arguments of the Redis command that failed, also when it is the cause", () => {
  const reply = Object.assign(new Error("OOM"), { command: { name: "evalsha", args: ["private"] } });
  const wrapped = new AppError("redis_unavailable", "Redis refused.", { cause: reply });
  for (const err of [reply, wrapped]) {
    expect(JSON.stringify(logged((logger) => logger.error({ err }, "failed")))).not.toContain("private");
  }
});

test("describes a thrown value that is not an error", () => {
  expect(logged((logger) => logger.error({ err: "lost" }, "failed"))["err"]).toEqual({ type: "string", message: "lost" });
});

test("a level that is changed holds for a logger and all its children, and theirs", () => {
  const lines: string[] = [];
  const logger = createLogger({ name: "api", level: "info", destination: { write: (line) => lines.push(line) } });
  const child = logger.child({ model: "tiny" });
  const grandchild = child.child({ slot: 1 });
  const writeAll = () => {
    for (const one of [logger, child, grandchild]) one.debug("so it goes");
    return lines.splice(0).length;
  };
  expect(writeAll()).toBe(0);
  setLogLevel(logger, "debug");
  expect(writeAll()).toBe(3);
  setLogLevel(logger, "warn");
  expect(writeAll()).toBe(0);
});
