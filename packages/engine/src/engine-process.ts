import type { ChildProcess } from "node:child_process";
import {
  AppError,
  type EmbedOutcome,
  type EmbedTask,
  type GenerateOutcome,
  type GenerateTask,
  type LoadedModel,
  type RerankOutcome,
  type RerankTask,
  type Runtime,
  type StopReason,
  type TokenChunk,
  toAppError,
} from "@llamero/core";
import type { EngineOptions, Footprint } from "./options.ts";
import { type EngineStats, type FromChild, fromWireError, isFromChild, type TaskChunk, type ToChild } from "./protocol.ts";
import { SILENT_MS, STUCK_MS, Watchdog } from "./watchdog.ts";

/** How long the child may take to end by itself. */
const CLOSE_GRACE_MS = 3_000;

type Outcome = GenerateOutcome | EmbedOutcome | RerankOutcome;

interface Listener {
  onChunk: (chunk: TokenChunk) => void;
  onWaiting: (isWaiting: boolean) => void;
}
const DEAF: Listener = { onChunk: () => {}, onWaiting: () => {} };

interface Pending extends Listener {
  resolve: (outcome: Outcome) => void;
  reject: (error: AppError) => void;
  /** It has no slot yet. */
  isWaiting: boolean;
}

/** A runtime whose models live in a process of its own. */
export interface EngineRuntime extends Runtime {
  /** The child's process id. */
  readonly pid: number;
  /** What each model takes, by name. */
  readonly footprints: Readonly<Record<string, Footprint>>;
  /** Ends the child at once, whatever state it is in: for when there is no time to close it. */
  kill(): void;
  /** @throws AppError `engine_crashed` when the child is gone or ends meanwhile */
  stats(): Promise<EngineStats>;
}

/** The parent's side of a loaded engine child: owns the process and the tasks under way in it. */
export class EngineProcess implements EngineRuntime {
  readonly models: readonly LoadedModel[];
  readonly footprints: Readonly<Record<string, Footprint>>;
  readonly #child: ChildProcess;
  readonly #onExit: (error: AppError) => void;
  readonly #watchdog: Watchdog;
  readonly #tasks = new Map<string, Pending>();
  readonly #statsAsked: PromiseWithResolvers<EngineStats>[] = [];
  readonly #exited: Promise<void>;
  #gone: AppError | null = null;
  /** Why the watchdog killed the child. */
  #hung: string | null = null;
  #closing: Promise<void> | null = null;

  constructor(
    child: ChildProcess,
    { models, footprints }: Pick<Extract<FromChild, { type: "loaded" }>, "models" | "footprints">,
    { onExit = () => {}, silentMs = SILENT_MS, stuckMs = STUCK_MS }: Pick<EngineOptions, "onExit" | "silentMs" | "stuckMs">,
  ) {
    this.#child = child;
    this.models = models;
    this.footprints = footprints;
    this.#onExit = onExit;
    this.#watchdog = new Watchdog({ silentMs, stuckMs, onHung: (what) => this.#giveUp(what) });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#exited = promise;
    const onEnd = (code: number | null, signal: NodeJS.Signals | null) => {
      this.#ended(code, signal);
      resolve();
    };
    if (child.exitCode === null && child.signalCode === null) child.once("exit", onEnd);
    else onEnd(child.exitCode, child.signalCode);
    // A message that could not be delivered is followed by `exit`, which settles everything.
    child.on("error", () => child.kill("SIGKILL"));
    child.on("message", (message) => {
      if (isFromChild(message)) this.#receive(message);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isOver(): boolean {
    return this.#gone !== null || this.#closing !== null;
  }

  generate(
    task: GenerateTask,
    onChunk: (chunk: TokenChunk) => void,
    onWaiting: (isWaiting: boolean) => void = () => {},
  ): Promise<GenerateOutcome> {
    return this.#run(task, { type: "generate", task }, { onChunk, onWaiting }) as Promise<GenerateOutcome>;
  }

  embed(task: EmbedTask): Promise<EmbedOutcome> {
    return this.#run(task, { type: "embed", task }) as Promise<EmbedOutcome>;
  }

  rerank(task: RerankTask): Promise<RerankOutcome> {
    return this.#run(task, { type: "rerank", task }) as Promise<RerankOutcome>;
  }

  follow(taskId: string): void {
    if (this.#gone === null && this.#tasks.has(taskId)) this.#child.send({ type: "follow", taskId } satisfies ToChild);
  }

  stop(taskId: string, reason: StopReason): void {
    if (this.#gone === null && this.#tasks.has(taskId)) this.#child.send({ type: "stop", taskId, reason } satisfies ToChild);
  }

  stats(): Promise<EngineStats> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const asked = Promise.withResolvers<EngineStats>();
    this.#statsAsked.push(asked);
    this.#child.send({ type: "stats" } satisfies ToChild);
    return asked.promise;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #run(task: { id: string; model: string }, message: ToChild, listener: Listener = DEAF): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal(task);
      if (refusal !== null) return reject(refusal);
      this.#tasks.set(task.id, { ...listener, resolve, reject, isWaiting: false });
      this.#child.send(message);
    });
  }

  #refusal(task: { id: string; model: string }): AppError | null {
    if (this.#gone !== null) return this.#gone;
    if (this.#closing !== null) return new AppError("engine_failed", "The engine is closing.");
    if (this.#tasks.has(task.id)) return new AppError("internal_error", `Task ${task.id} is already under way.`);
    if (this.models.some((model) => model.name === task.model)) return null;
    const names = this.models.map((model) => model.name).join(", ");
    return new AppError("model_not_found", `Model "${task.model}" is not loaded here. Loaded: ${names}.`, { param: "model" });
  }

  #receive(message: FromChild): void {
    this.#watchdog.heard();
    switch (message.type) {
      case "chunks":
        for (const chunk of message.chunks) this.#deliver(chunk);
        return;
      case "waiting":
        this.#setWaiting(message.taskId, message.isWaiting);
        return;
      case "generated":
      case "embedded":
      case "reranked":
        this.#take(message.taskId)?.resolve(message.outcome);
        return;
      case "failed":
        this.#take(message.taskId)?.reject(fromWireError(message.error));
        return;
      case "stats":
        // Answers come in the order of the questions.
        this.#statsAsked.shift()?.resolve(message.stats);
        return;
      case "heartbeat":
        this.#watchdog.progressed(message.progress);
        return;
      case "progress":
      case "surveyed":
      case "loaded":
      case "load_failed":
        return;
    }
  }

  /** A listener that throws fails its own task and no other. */
  #deliver({ taskId, tokens, text }: TaskChunk): void {
    try {
      this.#tasks.get(taskId)?.onChunk({ tokens, text });
    } catch (error) {
      this.stop(taskId, "cancelled");
      this.#take(taskId)?.reject(toAppError(error, "internal_error", "A chunk could not be handled."));
    }
  }

  #take(taskId: string): Pending | undefined {
    const pending = this.#tasks.get(taskId);
    this.#tasks.delete(taskId);
    return pending;
  }

  #setWaiting(taskId: string, isWaiting: boolean): void {
    const pending = this.#tasks.get(taskId);
    if (pending === undefined) return;
    pending.isWaiting = isWaiting;
    pending.onWaiting(isWaiting);
  }

  /** SIGKILL also ends what is stopped, and what hangs in native code. */
  #giveUp(what: string): void {
    this.#hung = what;
    this.kill();
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.#watchdog.close();
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const text = this.#hung === null ? `ended (${how})` : `${this.#hung} and was killed`;
    this.#gone = new AppError("engine_crashed", `The engine process ${text}.`);
    const innocent = new AppError("engine_restarted", `The engine process ${text} before the task had its turn.`);
    for (const [id, task] of this.#tasks) if (task.isWaiting) this.#take(id)?.reject(innocent);
    this.#rejectAll(this.#gone);
    if (this.#closing === null) this.#onExit(this.#gone);
  }

  #rejectAll(error: AppError): void {
    const pending = [...this.#tasks.values()];
    this.#tasks.clear();
    for (const task of pending) task.reject(error);
    for (const asked of this.#statsAsked.splice(0)) asked.reject(error);
  }

  async #close(): Promise<void> {
    if (this.#gone !== null) return;
    this.#watchdog.close();
    this.#rejectAll(new AppError("engine_failed", "The engine was closed while the task was under way."));
    if (this.#child.connected) this.#child.send({ type: "close" } satisfies ToChild);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), CLOSE_GRACE_MS);
    await this.#exited;
    clearTimeout(timer);
  }
}
