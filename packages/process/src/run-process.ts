import { AppError, type LogLevel, toAppError } from "@llamero/core";
import { Lifecycle } from "./lifecycle.ts";
import { createLogger, type Logger } from "./logger.ts";
import { Metrics } from "./metrics/metrics.ts";
import { Health } from "./ops/health.ts";
import { openOpsServer } from "./ops/ops-server.ts";
import type { ProcessMessage, ReadyDetails } from "./process-message.ts";
import type { ProcessName } from "./setting.ts";
import { openTracing, type TracingConfig } from "./tracing/open-tracing.ts";
import { noTracing, type Tracing } from "./tracing/tracing.ts";

/**
 * Milliseconds after the first Ctrl-C from which another one means "now". One key press arrives twice within a few
 * milliseconds when npm stands in between: from the terminal and forwarded by npm.
 */
const secondInterruptAfterMs = 500;

/** Exit status of a process ended by an impatient second Ctrl-C: 128 + SIGINT, as shells count. */
const interruptedExitCode = 130;

/** The settings that the lifecycle itself needs. */
export interface BaseConfig extends TracingConfig {
  readonly LOG_LEVEL: LogLevel;
  readonly LLAMERO_STOP_SECONDS: number;
  readonly LLAMERO_OPS_HOST?: string | undefined;
  /** Undefined: there is no such port. */
  readonly LLAMERO_OPS_PORT?: number | undefined;
  /** Undefined: there is no profiling. */
  readonly LLAMERO_PROFILING_TOKEN?: string | undefined;
}

/** The part of `process` that the lifecycle touches. */
export interface ProcessHost {
  readonly connected: boolean;
  readonly stderr: { write(text: string): unknown };
  send?(message: unknown, handle: undefined, options: undefined, sent: (error: Error | null) => void): boolean;
  on(event: string, listener: (value: unknown) => void): unknown;
  exit(code: number): unknown;
}

/** What `start` gets. */
export interface ProcessContext<Config extends BaseConfig> {
  readonly config: Config;
  readonly logger: Logger;
  /** Whatever `start` opens is deferred here, right after it is open. */
  readonly lifecycle: Lifecycle;
  /** Aborts when the process has been told to stop; a long start ends early on it. */
  readonly signal: AbortSignal;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  /** What `/readyz` goes by, besides that the process has started and is not stopping. */
  readonly health: Health;
  /** Stops the process with exit code 1 because something failed after the start. */
  fail(error: unknown): void;
}

export interface ProcessOptions<Config extends BaseConfig> {
  /** `api`, `worker`, … : the name in logs and messages. */
  readonly name: string;
  /** What operators watch it as, at a port of its own. Default: `cli`, which has none. */
  readonly role?: ProcessName;
  /** Parses the environment; it may throw a startup error. */
  readonly configure: () => Config;
  /** Opens everything. When it returns the process is ready; what it returns goes into the ready message. */
  readonly start: (context: ProcessContext<Config>) => Promise<ReadyDetails>;
  /** Default: JSON lines on stdout. */
  readonly logger?: (config: Config) => Logger;
  /** Called before a forced exit, when there is no time to close anything: the second Ctrl-C, or a missed deadline. */
  readonly kill?: () => void;
  /** Default: this process. */
  readonly host?: ProcessHost;
}

/**
 * The life of a process, for `main.ts`: configure, start, tell the parent "ready", wait, stop once.
 *
 * SIGTERM, SIGINT and the loss of the parent's IPC channel close everything in reverse order and exit 0. An AppError
 * during the start is one message to the operator and exit code 1; anything unexpected is logged with its stack and
 * exits 1, as does a stop that takes longer than `LLAMERO_STOP_SECONDS`. Returns after the exit was ordered.
 */
export async function runProcess<Config extends BaseConfig>(options: ProcessOptions<Config>): Promise<void> {
  const host: ProcessHost = options.host ?? process;
  let config: Config;
  try {
    config = options.configure();
  } catch (error) {
    const known = toAppError(error, "internal_error", String(error instanceof Error ? error.stack : error));
    await reportStartupError(host, options.name, known);
    host.exit(1);
    return;
  }
  const logger = options.logger?.(config) ?? createLogger({ name: options.name, level: config.LOG_LEVEL });
  await new ProcessRun(options, host, config, logger).run();
}

class ProcessRun<Config extends BaseConfig> {
  readonly #options: ProcessOptions<Config>;
  readonly #host: ProcessHost;
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #lifecycle = new Lifecycle();
  readonly #abort = new AbortController();
  readonly #metrics: Metrics;
  readonly #health = new Health();
  readonly #exited = Promise.withResolvers<void>();
  #interruptedAt: number | null = null;

  constructor(options: ProcessOptions<Config>, host: ProcessHost, config: Config, logger: Logger) {
    this.#options = options;
    this.#host = host;
    this.#config = config;
    this.#logger = logger;
    this.#metrics = new Metrics(options.role ?? "cli", logger);
    this.#abort.signal.addEventListener("abort", () => this.#health.check("start", () => "the process is stopping"));
  }

  async run(): Promise<void> {
    this.#listen();
    try {
      const ops = await this.#openOps();
      const { role } = this.#options;
      const tracing = role === undefined ? noTracing : await openTracing(role, this.#config, this.#lifecycle);
      const details = await this.#options.start({
        config: this.#config,
        logger: this.#logger,
        lifecycle: this.#lifecycle,
        signal: this.#abort.signal,
        metrics: this.#metrics,
        tracing,
        health: this.#health,
        fail: (error) => this.#fail(error),
      });
      if (!this.#abort.signal.aborted) this.#health.check("start", () => null);
      if (!this.#abort.signal.aborted) await tell(this.#host, { type: "ready", name: this.#options.name, ...details, ...ops });
    } catch (error) {
      await this.#startFailed(error);
    }
    await this.#exited.promise;
  }

  /** Opened first and closed last: a start that takes long is watched too. */
  async #openOps(): Promise<Pick<ReadyDetails, "ops_url">> {
    const { LLAMERO_OPS_HOST: host = "127.0.0.1", LLAMERO_OPS_PORT: port, LLAMERO_PROFILING_TOKEN: token } = this.#config;
    this.#health.check("start", () => "the process is starting");
    if (this.#options.role === undefined || port === undefined) return {};
    const [health, metrics] = [this.#health, this.#metrics];
    const ops = await openOpsServer({ host, port, profilingToken: token ?? null, health, metrics });
    this.#lifecycle.defer("operators' port", () => ops.close());
    const url = `http://${host}:${ops.port}`;
    this.#logger.info({ url }, `health and metrics at ${url}`);
    return { ops_url: url };
  }

  #listen(): void {
    const { name } = this.#options;
    this.#host.on("SIGINT", () => this.#interrupt());
    this.#host.on("SIGTERM", () => void this.#stop("SIGTERM", 0));
    this.#host.on("disconnect", () => void this.#stop("the parent process is gone", 0));
    this.#host.on("uncaughtException", (error) => this.#fail(error));
    this.#host.on("unhandledRejection", (error) => this.#fail(error));
    // The parent can be gone before the listener above was there to hear it.
    if (this.#host.send !== undefined && !this.#host.connected) void this.#stop(`the parent of ${name} is gone`, 0);
  }

  #interrupt(): void {
    const now = performance.now();
    if (this.#interruptedAt === null) {
      this.#interruptedAt = now;
      void this.#stop("SIGINT", 0);
    } else if (now - this.#interruptedAt > secondInterruptAfterMs) {
      this.#options.kill?.();
      this.#exit(interruptedExitCode);
    }
  }

  #fail(error: unknown): void {
    // Whoever read the output is gone. To write that down would fail the same way, and that again, without end.
    if (isBrokenOutput(error)) return void this.#stop("nobody reads the output any more", 1);
    this.#logger.fatal({ err: error }, `${this.#options.name} failed`);
    void this.#stop("a failure", 1);
  }

  async #startFailed(error: unknown): Promise<void> {
    if (this.#abort.signal.aborted) return;
    if (!(error instanceof AppError) || error.kind === "internal") return this.#fail(error);
    await reportStartupError(this.#host, this.#options.name, error);
    await this.#stop("a failed start", 1);
  }

  async #stop(reason: string, exitCode: number): Promise<void> {
    if (this.#abort.signal.aborted) return;
    if (exitCode === 0) this.#logger.info({ reason }, "stopping");
    this.#abort.abort();
    const deadlineMs = this.#config.LLAMERO_STOP_SECONDS * 1000;
    const failures = await beforeDeadline(this.#lifecycle.close(), deadlineMs);
    if (failures === "late") {
      this.#logger.error({ closing: this.#lifecycle.closing }, `${this.#options.name} did not stop within ${deadlineMs} ms`);
      this.#options.kill?.();
    } else {
      for (const { name, error } of failures) this.#logger.error({ err: error }, `could not close ${name}`);
    }
    this.#exit(failures === "late" || failures.length > 0 ? 1 : exitCode);
  }

  #exit(code: number): void {
    this.#host.exit(code);
    this.#exited.resolve();
  }
}

/** A write to a pipe or terminal whose other end is closed, which nobody waited for. */
function isBrokenOutput(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return syscall === "write" && (code === "EPIPE" || code === "EIO");
}

async function reportStartupError(host: ProcessHost, name: string, error: AppError): Promise<void> {
  const { code, message } = error;
  // A parent prints it in the right place; without one it goes to the terminal.
  if (!(await tell(host, { type: "startup_error", name, code, message }))) host.stderr.write(`llamero ${name}: ${message}\n`);
}

/** Sends to the parent and waits until it is out, for an exit may follow; false when there is no parent. */
function tell(host: ProcessHost, message: ProcessMessage): Promise<boolean> {
  return new Promise((resolve) => {
    if (host.send === undefined || !host.connected) return resolve(false);
    host.send(message, undefined, undefined, (error) => resolve(error === null));
  });
}

async function beforeDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T | "late"> {
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), deadlineMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
