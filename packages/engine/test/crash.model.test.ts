import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { AppError } from "@llamero/core";
import { expect, test, vi } from "vitest";
import { begin, chat, startTiny, story } from "./tiny-engine.ts";

/** A process that has ended may stand as a zombie until its new parent looks. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, "utf8"));
}

const endless = () => chat(story, { ignore_eos: true });

test("a killed child rejects its tasks and is told of within a second", async () => {
  const exits: AppError[] = [];
  const engine = await startTiny({ onExit: (error) => exits.push(error) });
  const tasks = [begin(engine, endless()), begin(engine, endless())];
  const settled = Promise.allSettled(tasks.map((task) => task.outcome));
  await Promise.all(tasks.map((task) => task.firstChunk));
  const killedAtMs = performance.now();
  process.kill(engine.pid, "SIGKILL");
  const results = await settled;
  expect(performance.now() - killedAtMs).toBeLessThan(1_000);
  expect(results).toMatchObject([
    { status: "rejected", reason: { code: "engine_crashed", retryable: true } },
    { status: "rejected", reason: { code: "engine_crashed" } },
  ]);
  expect(exits).toEqual([expect.any(AppError)]);
  await expect(begin(engine, chat("Hello")).outcome).rejects.toMatchObject({ code: "engine_crashed" });
  await engine.close();
});

test("a crash says nothing against a task that had no slot yet", async () => {
  const engine = await startTiny({ slots: 1 });
  const running = begin(engine, endless());
  await running.firstChunk;
  const waiting = begin(engine, chat("Hello"));
  const settled = Promise.allSettled([running.outcome, waiting.outcome]);
  // The child reads its messages in order; the second question comes after the task has been made ready.
  await engine.stats();
  await engine.stats();
  process.kill(engine.pid, "SIGKILL");
  expect(await settled).toMatchObject([{ reason: { code: "engine_crashed" } }, { reason: { code: "engine_restarted" } }]);
});

test("a task that waited for its slot is counted with the others once it has it", async () => {
  const engine = await startTiny({ slots: 1 });
  const first = begin(engine, chat("Classify the sentiment: I love it."));
  const second = begin(engine, endless());
  const settled = Promise.allSettled([second.outcome]);
  await first.outcome;
  await second.firstChunk;
  process.kill(engine.pid, "SIGKILL");
  expect(await settled).toMatchObject([{ reason: { code: "engine_crashed" } }]);
});

test("close ends the child, rejects what is under way, and may be called twice", async () => {
  const exits: AppError[] = [];
  const engine = await startTiny({ onExit: (error) => exits.push(error) });
  const task = begin(engine, endless());
  const rejected = expect(task.outcome).rejects.toMatchObject({ code: "engine_failed" });
  await task.firstChunk;
  await Promise.all([engine.close(), engine.close()]);
  await rejected;
  expect(isAlive(engine.pid)).toBe(false);
  expect(exits).toEqual([]);
  await expect(begin(engine, chat("Hello")).outcome).rejects.toMatchObject({ code: "engine_crashed" });
});

test("a killed parent leaves no child", async () => {
  const script = fileURLToPath(new URL("./holds-an-engine.ts", import.meta.url));
  const parent = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: parent.stdout }), "line");
  const pid = Number(line);
  expect(isAlive(pid)).toBe(true);
  parent.kill("SIGKILL");
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 1_000, interval: 20 });
});

test("signals to the whole group leave the child to its parent", async () => {
  const engine = await startTiny();
  process.kill(engine.pid, "SIGINT");
  process.kill(engine.pid, "SIGTERM");
  expect((await begin(engine, chat("Classify the sentiment: I love it.")).outcome).text).toBe("positive");
  await engine.close();
});

test("a listener that throws fails its own task alone", async () => {
  const engine = await startTiny();
  const request = chat(story);
  const broken = engine.generate({ id: "broken", model: "tiny", request }, () => {
    throw new Error("no room");
  });
  const fine = begin(engine, chat("Classify the sentiment: I love it."));
  await expect(broken).rejects.toMatchObject({ code: "internal_error", cause: new Error("no room") });
  expect((await fine.outcome).text).toBe("positive");
  await engine.close();
});

test("a child that was stopped is killed after the limit of silence, and its task is told why", async () => {
  const engine = await startTiny({ silentMs: 2_000 });
  const task = begin(engine, endless());
  await task.firstChunk;
  process.kill(engine.pid, "SIGSTOP");
  const error: unknown = await task.outcome.catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: "engine_crashed", message: "The engine process said nothing for 2 s and was killed." });
  expect(isAlive(engine.pid)).toBe(false);
  expect(engine.isOver).toBe(true);
});

test("heartbeats tell which contexts are busy: with a limit below their distance, one at work counts as stuck", async () => {
  const engine = await startTiny({ silentMs: 10_000, stuckMs: 200 });
  const tasks = Array.from({ length: 4 }, () => begin(engine, endless()));
  const results = await Promise.allSettled(tasks.map((task) => task.outcome));
  const reasons = results.filter((result) => result.status === "rejected").map((result) => String(result.reason));
  expect(reasons.length).toBeGreaterThan(0);
  expect(new Set(reasons)).toEqual(
    new Set(["AppError: The engine process finished no step of tiny/0 for 0.2 s and was killed."]),
  );
  await engine.close();
});
