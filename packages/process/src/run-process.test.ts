import { EventEmitter } from "node:events";
import { AppError } from "@llamero/core";
import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";
import { type BaseConfig, type ProcessContext, type ProcessOptions, runProcess } from "./run-process.ts";

class FakeHost extends EventEmitter {
  connected = true;
  readonly sent: unknown[] = [];
  readonly errors: string[] = [];
  readonly exits: number[] = [];
  readonly stderr = { write: (text: string) => this.errors.push(text) };
  readonly ready = Promise.withResolvers<void>();

  send(message: unknown, _handle: undefined, _options: undefined, sent: (error: Error | null) => void): boolean {
    this.sent.push(message);
    sent(null);
    this.ready.resolve();
    return true;
  }

  exit(code: number): void {
    this.exits.push(code);
  }
}

type Start = (context: ProcessContext<BaseConfig>) => Promise<Record<string, never>>;

function launch(start: Start, options: Partial<ProcessOptions<BaseConfig>> = {}) {
  const host = new FakeHost();
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const done = runProcess({
    name: "api",
    configure: () => ({ LOG_LEVEL: "info", LLAMERO_STOP_SECONDS: 0.05 }),
    logger: () => createLogger({ name: "api", level: "info", destination }),
    start,
    host,
    ...options,
  });
  return { host, lines, done };
}

test("says ready to the parent with what start returned", async () => {
  const { host, done } = launch(async () => ({}), { start: async () => ({ url: "http://127.0.0.1:3000" }) });
  await host.ready.promise;
  expect(host.sent).toEqual([{ type: "ready", name: "api", url: "http://127.0.0.1:3000" }]);
  host.emit("SIGTERM");
  await done;
});

test.each(["SIGTERM", "SIGINT", "disconnect"])("closes in reverse order and exits 0 on %s", async (event) => {
  const closed: string[] = [];
  const { host, done } = launch(async ({ lifecycle }) => {
    lifecycle.defer("redis", () => closed.push("redis"));
    lifecycle.defer("server", () => closed.push("server"));
    return {};
  });
  await host.ready.promise;
  host.emit(event);
  host.emit("SIGTERM");
  await done;
  expect({ closed, exits: host.exits }).toEqual({ closed: ["server", "redis"], exits: [0] });
});

test("prints a startup error as one message without a stack, to the parent when there is one", async () => {
  const fail: Start = () => Promise.reject(new AppError("port_in_use", "Port 3000 is taken."));
  const child = launch(fail);
  await child.done;
  expect(child.host.sent).toEqual([{ type: "startup_error", name: "api", code: "port_in_use", message: "Port 3000 is taken." }]);
  expect({ exits: child.host.exits, errors: child.host.errors, lines: child.lines }).toEqual({
    exits: [1],
    errors: [],
    lines: [],
  });
});

test("prints a configuration error on stderr when there is no parent", async () => {
  const host = new FakeHost();
  host.connected = false;
  const configure = () => {
    throw new AppError("config_invalid", "PORT must be a number.");
  };
  await launch(async () => ({}), { configure, host }).done;
  expect({ exits: host.exits, errors: host.errors }).toEqual({ exits: [1], errors: ["llamero api: PORT must be a number.\n"] });
});

test("logs an unexpected error of the start with its stack and exits 1", async () => {
  const closed: string[] = [];
  const { host, lines, done } = launch(async ({ lifecycle }) => {
    lifecycle.defer("redis", () => closed.push("redis"));
    throw new TypeError("a defect");
  });
  await done;
  expect({ exits: host.exits, closed }).toEqual({ exits: [1], closed: ["redis"] });
  expect(lines.join()).toContain("run-process.test.ts");
});

test.each(["unhandledRejection", "uncaughtException"])("logs an %s and exits 1 after closing", async (event) => {
  const { host, lines, done } = launch(async () => ({}));
  await host.ready.promise;
  host.emit(event, new Error("a defect"));
  await done;
  expect(host.exits).toEqual([1]);
  expect(lines.join()).toContain("a defect");
});

test("gives up closing at the deadline, says on what, and exits 1", async () => {
  let killed = 0;
  const start: Start = async ({ lifecycle }) => {
    lifecycle.defer("a stuck server", () => new Promise(() => {}));
    return {};
  };
  const { host, lines, done } = launch(start, { kill: () => (killed += 1) });
  await host.ready.promise;
  host.emit("SIGTERM");
  await done;
  expect({ exits: host.exits, killed }).toEqual({ exits: [1], killed: 1 });
  expect(lines.join()).toContain("a stuck server");
});

test("takes an interrupt that npm doubles for one", async () => {
  const { host, done } = launch(async () => ({}));
  await host.ready.promise;
  host.emit("SIGINT");
  host.emit("SIGINT");
  await done;
  expect(host.exits).toEqual([0]);
});

test("aborts a start that is still under way and says nothing of its failure", async () => {
  const started = Promise.withResolvers<void>();
  const { host, lines, done } = launch(({ signal }) => {
    started.resolve();
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  await started.promise;
  host.emit("SIGTERM");
  await done;
  expect({ exits: host.exits, sent: host.sent }).toEqual({ exits: [0], sent: [] });
  expect(lines.join()).not.toContain("err");
});

test("stops when nobody reads its output any more, and does not try to write that down", async () => {
  const gone = Object.assign(new Error("write EPIPE"), { code: "EPIPE", syscall: "write" });
  const { host, lines, done } = launch(async () => ({}));
  await host.ready.promise;
  for (let write = 0; write < 3; write++) host.emit("uncaughtException", gone);
  await done;
  expect(host.exits).toEqual([1]);
  expect(lines).toEqual([]);
});
