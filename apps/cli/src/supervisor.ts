import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { AppError } from "@llamero/core";
import type { Logger } from "@llamero/process";

/** A program to keep running. */
export interface ChildSpec<Ready> {
  readonly name: string;
  /** Starts it with piped stdout and stderr, in a process group of its own. */
  readonly spawn: () => ChildProcess;
  /** Settles when the child works, or rejects with the startup error that it reports. The signal says that it has ended. */
  readonly untilReady: (child: ChildProcess, signal: AbortSignal) => Promise<Ready>;
  /** True when its lines before it is ready, and after it was told to stop, are of no interest unless it fails. */
  readonly quietUntilReady?: boolean;
  /** Says why it ended before it was ready, from its last lines. */
  readonly explainExit?: (lines: readonly string[]) => AppError;
}

export interface SupervisorOptions {
  readonly logger: Logger;
  /** Gets every line that the child prints. */
  readonly onLine: (name: string, line: string) => void;
  readonly backoff?: Backoff;
}

/** How long to wait before a crashed child is started again: doubled at each crash, until it has stayed up for a while. */
export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly healthyMs: number;
}

const defaultBackoff: Backoff = { firstMs: 500, maxMs: 30_000, healthyMs: 60_000 };

/** Lines kept to explain a failed start. */
const keptLines = 30;

interface Running {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ended: AbortController;
  /** How it ended, in words; settles when its output has been read to the end, too. */
  readonly end: Promise<string>;
}

/** Keeps one child process running, and starts it again when it crashes. */
export class Supervisor<Ready> {
  readonly name: string;
  readonly #spec: ChildSpec<Ready>;
  readonly #options: SupervisorOptions;
  readonly #backoff: Backoff;
  #running: Running | null = null;
  #restart: NodeJS.Timeout | null = null;
  #crashes = 0;
  #stopping = false;
  #up = false;

  constructor(spec: ChildSpec<Ready>, options: SupervisorOptions) {
    this.name = spec.name;
    this.#spec = spec;
    this.#options = options;
    this.#backoff = options.backoff ?? defaultBackoff;
  }

  /** Of the process that runs now; null when none does. */
  get pid(): number | null {
    return this.#running?.child.pid ?? null;
  }

  /**
   * Starts the child for the first time and waits until it is ready.
   *
   * @throws AppError what it said about its failed start. It is not started again then.
   */
  async start(): Promise<Ready> {
    const running = this.#launch();
    const ready = await this.#untilReady(running);
    void this.#watch(running);
    return ready;
  }

  /** Asks it to end, and kills it when the deadline has passed. Legal to call twice. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    if (this.#running === null) return;
    const { child, end } = this.#running;
    child.kill("SIGTERM");
    const timer = setTimeout(() => {
      this.#options.logger.warn(`${this.name} did not stop within ${Math.round(deadlineMs)} ms and is killed`);
      killGroup(child);
    }, deadlineMs);
    await end;
    clearTimeout(timer);
  }

  /** Ends it and all that it has started, at once. */
  kill(): void {
    this.#stopping = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    if (this.#running !== null) killGroup(this.#running.child);
  }

  #launch(): Running {
    const child = this.#spec.spawn();
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        if (lines.length > keptLines) lines.shift();
        if (this.#spec.quietUntilReady !== true || (this.#up && !this.#stopping)) this.#options.onLine(this.name, line);
      });
    }
    const ended = new AbortController();
    const running: Running = { child, lines, ended, end: this.#untilEnd(child, ended) };
    this.#running = running;
    return running;
  }

  async #untilEnd(child: ChildProcess, ended: AbortController): Promise<string> {
    const closed = once(child, "close");
    // What it leaves behind would hold its output open, its memory and its GPU.
    child.once("exit", () => killGroup(child));
    const end = await closed.then(
      ([code, signal]) => (signal === null ? `exit code ${code}` : `signal ${signal}`),
      (error) => String(error),
    );
    this.#running = null;
    this.#up = false;
    ended.abort();
    return end;
  }

  async #untilReady(running: Running): Promise<Ready> {
    const endedFirst = running.end.then((end) => {
      const explained = this.#spec.explainExit?.(running.lines);
      throw explained ?? new AppError("internal_error", `${this.name} ended before it was ready (${end}).`);
    });
    try {
      const ready = await Promise.race([this.#spec.untilReady(running.child, running.ended.signal), endedFirst]);
      this.#up = true;
      return ready;
    } catch (error) {
      // What waits for a process that has ended fails for that reason, and its last lines tell more.
      if (running.ended.signal.aborted) await endedFirst;
      throw error;
    }
  }

  /** Waits for the end of a child that was ready. */
  async #watch(running: Running): Promise<void> {
    const readyAt = performance.now();
    const end = await running.end;
    if (performance.now() - readyAt >= this.#backoff.healthyMs) this.#crashes = 0;
    this.#startAgainLater(`ended (${end})`);
  }

  #startAgainLater(what: string): void {
    if (this.#stopping) return;
    const delayMs = Math.min(this.#backoff.firstMs * 2 ** this.#crashes, this.#backoff.maxMs);
    this.#crashes += 1;
    this.#options.logger.error(`${this.name} ${what}. It is started again in ${delayMs / 1000} s.`);
    this.#restart = setTimeout(() => void this.#startAgain(), delayMs);
  }

  async #startAgain(): Promise<void> {
    const running = this.#launch();
    try {
      await this.#untilReady(running);
      this.#options.logger.info(`${this.name} is ready again`);
      await this.#watch(running);
    } catch (error) {
      killGroup(running.child);
      await running.end;
      this.#startAgainLater(`did not start again: ${String(error instanceof Error ? error.message : error).replace(/\.$/, "")}`);
    }
  }
}

/** Kills a child with everything in its process group. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left in the group.
  }
}
