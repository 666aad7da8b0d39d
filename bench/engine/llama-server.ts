import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "@llamero/testkit";
import { z } from "zod";
import { type BenchJob, type Contestant, type Counters, type Course, type JobTrace, nowMs } from "./contestant.ts";
import { send } from "./lean-client.ts";

const LOAD_POLL_MS = 50;
/** As many connections as keep the server's own queue filled while its slots are busy: the others have a queue too. */
const CONNECTIONS_PER_SLOT = 2;

const answerSchema = z.object({
  tokens_predicted: z.int(),
  timings: z.object({ prompt_n: z.int(), prompt_ms: z.number(), predicted_ms: z.number(), cache_n: z.int().optional() }),
});

/** Flags that make the comparison plain; builds differ in which of them they know. */
const OPTIONAL_FLAGS: readonly (readonly [string, ...string[]])[] = [
  ["--no-webui"],
  ["--metrics"],
  ["--slot-prompt-similarity", "0"],
  ["--cache-ram", "0"],
];

async function flags(binary: string, { path, slots, contextSize, threads, gpu }: Course): Promise<string[]> {
  const { stdout, stderr } = await promisify(execFile)(binary, ["--help"], { maxBuffer: 2 ** 24 });
  const known = OPTIONAL_FLAGS.filter(([flag]) => (stdout + stderr).includes(flag)).flat();
  const required = ["-m", path, "-np", slots, "-c", slots * contextSize, "-t", threads ?? availableParallelism()];
  return [...required.map(String), "-ngl", gpu === "false" ? "0" : "999", ...known];
}

/** @throws Error when the server ends instead */
async function untilHealthy(url: string, failed: Promise<never>): Promise<void> {
  const healthy = async () => (await fetch(`${url}/health`).catch(() => null))?.ok === true;
  while (!(await Promise.race([healthy(), failed]))) await pause(LOAD_POLL_MS);
}

async function complete(url: string, { prompt, maxTokens }: BenchJob): Promise<JobTrace> {
  // Greedy, as all contestants are; nothing of an earlier prompt is used again.
  const body = { prompt, n_predict: maxTokens, ignore_eos: true, temperature: 0, seed: 1, cache_prompt: false };
  const { status, text } = await send(`${url}/completion`, { method: "POST", body: JSON.stringify(body) });
  if (status !== 200) throw new Error(`llama-server answered ${status}: ${text}`);
  const { tokens_predicted, timings } = answerSchema.parse(JSON.parse(text));
  const endedAtMs = nowMs();
  const firstTokenAtMs = endedAtMs - timings.predicted_ms;
  return {
    promptTokens: timings.prompt_n + (timings.cache_n ?? 0),
    completionTokens: tokens_predicted,
    startedAtMs: firstTokenAtMs - timings.prompt_ms,
    firstTokenAtMs,
    endedAtMs,
  };
}

/** The server counts steps, and how many slots took part in one on average. */
async function counters(url: string, slots: number): Promise<Counters | null> {
  const { status, text } = await send(`${url}/metrics`);
  if (status !== 200) return null;
  const value = (name: string) => Number(new RegExp(`^llamacpp:${name} (\\S+)`, "m").exec(text)?.[1]);
  const [steps, busySlots] = [value("n_decode_total"), value("n_busy_slots_per_decode")];
  return Number.isFinite(steps * busySlots) ? { occupied: steps * busySlots, capacity: steps * slots } : null;
}

/** llama.cpp's own server, of the binary given. */
export async function openLlamaServer(binary: string, course: Course): Promise<Contestant> {
  const port = await freePort();
  const args = [...(await flags(binary, course)), "--host", "127.0.0.1", "--port", String(port)];
  const child = spawn(binary, args, { stdio: "ignore" });
  const failed = Promise.race([
    once(child, "exit").then(([code]) => Promise.reject(new Error(`llama-server ended with ${code}; it was run with ${args}`))),
    once(child, "error").then(([error]) => Promise.reject(error)),
  ]);
  failed.catch(() => {});
  const url = `http://127.0.0.1:${port}`;
  await untilHealthy(url, failed);
  return {
    name: "llama-server",
    layout: `${course.threads ?? availableParallelism()} threads`,
    pids: [child.pid ?? 0],
    loopPid: null,
    inFlight: course.slots * CONNECTIONS_PER_SLOT,
    failed,
    run: (job) => complete(url, job),
    counters: () => counters(url, course.slots),
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}
