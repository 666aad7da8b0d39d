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
} from "@llamero/core";
import PQueue from "p-queue";
import { toBackendError } from "./backend-error.ts";
import type { Connection } from "./connect.ts";
import { generate } from "./generate.ts";
import { embed, rerank } from "./read.ts";
import type { RemoteSource } from "./remote-source.ts";
import { RemoteTask } from "./remote-task.ts";

const URGENT = 1;

export interface RemoteRuntimeOptions {
  source: RemoteSource;
  facts: LoadedModel;
  connection: Connection;
}

/** A model that another server runs, as a runtime: what is sent at once is bounded here. */
export class RemoteRuntime implements Runtime {
  readonly models: readonly LoadedModel[];
  readonly #options: RemoteRuntimeOptions;
  readonly #queue: PQueue;
  readonly #tasks = new Map<string, RemoteTask>();
  #isOver = false;

  constructor(options: RemoteRuntimeOptions) {
    this.#options = options;
    this.models = [options.facts];
    this.#queue = new PQueue({ concurrency: options.source.slots });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  generate(
    task: GenerateTask,
    onChunk: (chunk: TokenChunk) => void,
    onWaiting: (isWaiting: boolean) => void = () => {},
  ): Promise<GenerateOutcome> {
    const { source, connection } = this.#options;
    const isFull = this.#queue.pending >= source.slots;
    if (isFull) onWaiting(true);
    return this.#run(task, task.isUrgent === true, (running) => {
      if (isFull) onWaiting(false);
      return generate({ client: connection.client, source, task, running, onChunk });
    });
  }

  embed(task: EmbedTask): Promise<EmbedOutcome> {
    const { source, connection } = this.#options;
    return this.#run(task, false, (running) => embed({ client: connection.client, source, task, running }));
  }

  rerank(task: RerankTask): Promise<RerankOutcome> {
    const { source, connection } = this.#options;
    return this.#run(task, false, (running) => rerank({ client: connection.client, source, task, running }));
  }

  /** Its chunks come as they arrive, read along or not. */
  follow(): void {}

  stop(taskId: string, reason: StopReason): void {
    this.#tasks.get(taskId)?.stop(reason);
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const task of this.#tasks.values()) task.close();
    await this.#queue.onIdle();
    await this.#options.connection.close();
  }

  async #run<Outcome>(
    { id, model }: { id: string; model: string },
    isUrgent: boolean,
    work: (running: RemoteTask) => Promise<Outcome>,
  ): Promise<Outcome> {
    const { source } = this.#options;
    if (this.#isOver) throw closed(source);
    if (model !== source.name) throw new AppError("model_not_found", `This worker's server has no model "${model}".`);
    const running = new RemoteTask();
    this.#tasks.set(id, running);
    // One that is stopped while it waits does not wait for its place.
    let begun: Promise<Outcome> | null = null;
    const begin = () => {
      begun ??= work(running);
      return begun;
    };
    try {
      return await Promise.race([this.#queue.add(begin, { priority: isUrgent ? URGENT : 0 }), running.stopped.then(begin)]);
    } catch (error) {
      throw running.isClosed ? closed(source) : toBackendError(error, source);
    } finally {
      this.#tasks.delete(id);
    }
  }
}

function closed({ name }: RemoteSource): AppError {
  return new AppError("engine_failed", `The connections to the server of ${name} were closed.`);
}
