import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { AppError } from "@llamero/core";
import type { EngineOptions } from "./options.ts";
import { type FromChild, fromWireError, isFromChild, type ToChild } from "./protocol.ts";

/**
 * The child's pool of threads runs a task for each token that a slot samples, and one for each step of a context. With as many
 * threads as cores, and one so that steps under way on all cores leave a thread for samples, 15M parameters in 32 slots and 2
 * contexts on two cores made 2,050 to 2,300 tokens/s with 2 to 4 threads, 1,490 to 1,930 with 8 to 32: samples took the cores from the
 * other context's step.
 */
const EXTRA_POOL_THREADS = 1;
/**
 * MiB of V8's young generation, per half: by itself it grows to several times this as tokens pass, which brought nothing but 80 MB more
 * memory after 12,000 jobs on the bundled model.
 */
const YOUNG_GENERATION_MIB = 8;
/** Last lines of the child's output that a failed start quotes. */
const QUOTED_LINES = 5;

function forkChild(): ChildProcess {
  const poolThreads = process.env["UV_THREADPOOL_SIZE"] ?? availableParallelism() + EXTRA_POOL_THREADS;
  return fork(fileURLToPath(new URL("./child/main.ts", import.meta.url)), [], {
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // Flags of the parent (debugger ports, test loaders) are not the child's. `gc` is for child/garbage.ts.
    execArgv: ["--expose-gc", `--max-semi-space-size=${YOUNG_GENERATION_MIB}`],
    env: { ...process.env, UV_THREADPOOL_SIZE: String(poolThreads), NODE_LLAMA_CPP_SKIP_DOWNLOAD: "true" },
  });
}

/** An engine process that has not loaded yet: it is asked one thing. */
export class EngineChild {
  readonly process: ChildProcess;
  readonly #options: Pick<EngineOptions, "onLog" | "onProgress" | "signal">;
  readonly #lastLines: string[] = [];

  constructor(options: Pick<EngineOptions, "onLog" | "onProgress" | "signal">) {
    this.#options = options;
    this.process = forkChild();
    for (const stream of [this.process.stdout, this.process.stderr])
      if (stream !== null) createInterface({ input: stream }).on("line", (line) => this.#read(line));
  }

  /**
   * The answer. Rejects with what the child says went wrong, or that it ended, or was told to.
   * @param doing completes the sentence "The engine ended while …"
   */
  async ask(question: ToChild, doing: string): Promise<FromChild> {
    const { signal } = this.#options;
    const answer = Promise.withResolvers<FromChild>();
    const onMessage = (message: unknown) => {
      if (!isFromChild(message)) return;
      if (message.type === "progress") this.#options.onProgress?.(message.event);
      else if (message.type === "load_failed") answer.reject(fromWireError(message.error));
      else answer.resolve(message);
    };
    const onExit = (code: number | null, signalName: string | null) => {
      const how = signalName ?? `exit code ${code}`;
      const text = `The engine ended while ${doing} (${how}). Last output: ${this.#lastLines.join(" | ") || "none"}`;
      answer.reject(new AppError("engine_crashed", text));
    };
    const onError = (cause: Error) =>
      answer.reject(new AppError("engine_crashed", "The engine process could not be started.", { cause }));
    const onAbort = () => answer.reject(new AppError("engine_failed", `The engine was told to end while ${doing}.`));
    this.process.on("message", onMessage).on("exit", onExit).on("error", onError);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    this.process.send(question);
    try {
      return await answer.promise;
    } finally {
      this.process.off("message", onMessage).off("exit", onExit).off("error", onError);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Also ends what is stopped, and what hangs in native code. */
  kill(): void {
    this.process.kill("SIGKILL");
  }

  #read(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > QUOTED_LINES) this.#lastLines.shift();
    this.#options.onLog?.(line);
  }
}
