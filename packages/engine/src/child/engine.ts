import { AppError, type EmbedTask, type GenerateTask, type RerankTask, toAppError } from "@llamero/core";
import type { Llama } from "node-llama-cpp";
import type { EngineEvent, Footprint, LoadOptions } from "../options.ts";
import { type FromChild, type ToChild, toWireError } from "../protocol.ts";
import { HEARTBEAT_MS } from "../watchdog.ts";
import { openBackend } from "./backend.ts";
import { ChunkOutbox } from "./chunk-outbox.ts";
import { loadModel } from "./load-model.ts";
import type { ModelHost } from "./model-host.ts";
import { survey } from "./survey.ts";

/**
 * How long a token may wait for others to be sent with, in milliseconds. Every message wakes the worker, which takes the core from a
 * step that is under way.
 */
const FLUSH_MS = { followed: 25, unfollowed: 100 };

/** A task under way. */
interface Running {
  stopped: AbortController;
  isFollowed: boolean;
}

/** The parent gets code and message; what a foreign library said stands in the log. */
function logCause(error: unknown): void {
  const cause = error instanceof AppError ? error.cause : error;
  if (cause !== undefined) console.error(cause);
}

/** The child's side of the protocol: loads the models, then runs what the parent sends; or only looks at their files. */
export class Engine {
  readonly #send: (message: FromChild) => void;
  readonly #hosts: ModelHost[] = [];
  readonly #tasks = new Map<string, Running>();
  readonly #outbox: ChunkOutbox;
  #flushMs = FLUSH_MS;
  #llama: Llama | null = null;

  constructor(send: (message: FromChild) => void) {
    this.#send = send;
    this.#outbox = new ChunkOutbox((chunks) => this.#send({ type: "chunks", chunks }));
  }

  async receive(message: ToChild): Promise<void> {
    switch (message.type) {
      case "survey":
        return this.#begin(() => this.#survey(message.options));
      case "load":
        return this.#begin(() => this.#load(message.options));
      case "generate":
        return this.#run(message.task, (running) => this.#generate(message.task, running));
      case "embed":
        return this.#run(message.task, ({ stopped }) => this.#embed(message.task, stopped.signal));
      case "rerank":
        return this.#run(message.task, ({ stopped }) => this.#rerank(message.task, stopped.signal));
      case "follow":
        return this.#follow(message.taskId);
      case "stop":
        return this.#tasks.get(message.taskId)?.stopped.abort(message.reason);
      case "stats":
        return this.#send({
          type: "stats",
          stats: Object.fromEntries(this.#hosts.map((host) => [host.facts.name, { ...host.counts, ...host.cache }])),
        });
      case "close":
        return this.#llama?.dispose();
    }
  }

  #beat(): void {
    const progress = Object.fromEntries(this.#hosts.flatMap((host) => host.progress()));
    this.#send({ type: "heartbeat", progress });
  }

  #follow(taskId: string): void {
    const task = this.#tasks.get(taskId);
    if (task !== undefined) task.isFollowed = true;
  }

  /** What comes first: everything that goes wrong there is told. */
  async #begin(work: () => Promise<FromChild>): Promise<void> {
    try {
      this.#send(await work());
    } catch (error) {
      logCause(error);
      this.#send({ type: "load_failed", error: toWireError(toAppError(error, "internal_error", "The engine could not start.")) });
    }
  }

  async #survey(options: LoadOptions): Promise<FromChild> {
    return { type: "surveyed", survey: await survey(options, (event) => this.#tell(event)) };
  }

  async #load(options: LoadOptions): Promise<FromChild> {
    const { flushMs } = options;
    if (flushMs !== undefined) this.#flushMs = { followed: flushMs, unfollowed: flushMs };
    const llama = await openBackend(options.gpu);
    this.#llama = llama;
    const footprints: Record<string, Footprint> = {};
    for (const source of options.models) {
      const { host, footprint } = await loadModel({ llama, source, options, onEvent: (event) => this.#tell(event) });
      this.#hosts.push(host);
      footprints[source.name] = footprint;
    }
    setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
    return { type: "loaded", models: this.#hosts.flatMap((host) => host.models), footprints };
  }

  #tell(event: EngineEvent): void {
    this.#send({ type: "progress", event });
  }

  async #run(task: GenerateTask | EmbedTask | RerankTask, work: (running: Running) => Promise<FromChild>): Promise<void> {
    const running: Running = { stopped: new AbortController(), isFollowed: "isFollowed" in task && task.isFollowed === true };
    this.#tasks.set(task.id, running);
    try {
      const message = await work(running);
      this.#outbox.flush();
      this.#send(message);
    } catch (error) {
      logCause(error);
      this.#outbox.flush();
      const failure = toAppError(error, "engine_failed", "The model could not finish this task; see the engine's log.");
      this.#send({ type: "failed", taskId: task.id, error: toWireError(failure) });
    } finally {
      this.#tasks.delete(task.id);
    }
  }

  async #generate(task: GenerateTask, running: Running): Promise<FromChild> {
    const withinMs = () => (running.isFollowed ? this.#flushMs.followed : this.#flushMs.unfollowed);
    const outcome = await this.#host(task.model).generate(task, running.stopped.signal, {
      onChunk: (chunk) => this.#outbox.add(task.id, chunk, withinMs()),
      onWaiting: (isWaiting) => this.#send({ type: "waiting", taskId: task.id, isWaiting }),
    });
    return { type: "generated", taskId: task.id, outcome };
  }

  async #embed(task: EmbedTask, signal: AbortSignal): Promise<FromChild> {
    return { type: "embedded", taskId: task.id, outcome: await this.#host(task.model).embed(task, signal) };
  }

  async #rerank(task: RerankTask, signal: AbortSignal): Promise<FromChild> {
    return { type: "reranked", taskId: task.id, outcome: await this.#host(task.model).rerank(task, signal) };
  }

  #host(model: string): ModelHost {
    const host = this.#hosts.find(({ models }) => models.some(({ name }) => name === model));
    if (host === undefined) throw new AppError("model_not_found", `Model "${model}" is not loaded here.`, { param: "model" });
    return host;
  }
}
