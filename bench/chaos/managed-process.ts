import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type LlameroProcess, startLlamero, TcpProxy } from "@llamero/testkit";
import { CLOCK_FILE } from "./shifted-clock.ts";

export type ProcessKind = "api" | "worker" | "dispatcher";

export interface ManagedOptions {
  kind: ProcessKind;
  name: string;
  /** Its settings, besides the address of Redis. */
  env: Record<string, string>;
  /** Of the Redis that it reaches through a link of its own. */
  redisUrl: string;
  /** Where it finds what its clock says. */
  folder: string;
  /** A module that starts it otherwise than the CLI. */
  file?: string;
}

const preload = `--import=${new URL("./shifted-clock.ts", import.meta.url).href}`;
/** Before the next try to start it, in milliseconds, as a supervisor waits. */
const START_AGAIN_MS = 250;

/** A process of Llamero that is started again whenever it ends, as a supervisor does, behind its own link to Redis. */
export class ManagedProcess {
  readonly kind: ProcessKind;
  readonly name: string;
  readonly redisLink: TcpProxy;
  /** How it ended by itself after it had been ready; nobody had killed it. */
  readonly surprises: string[] = [];
  kills = 0;
  /** Starts that failed, as they do while Redis is away. */
  failedStarts = 0;
  readonly #env: Record<string, string>;
  readonly #clockFile: string;
  readonly #file: string | undefined;
  #running: LlameroProcess | null = null;
  #ready = Promise.withResolvers<void>();
  #readyAt = 0;
  #isKilled = false;
  #isClosed = false;
  readonly #supervised: Promise<void>;

  private constructor({ kind, name, env, folder, file }: ManagedOptions, redisLink: TcpProxy) {
    this.kind = kind;
    this.name = name;
    this.redisLink = redisLink;
    this.#clockFile = join(folder, `clock-${name}`);
    const clock = { NODE_OPTIONS: preload, [CLOCK_FILE]: this.#clockFile };
    this.#env = { ...env, ...clock, REDIS_URL: `redis://127.0.0.1:${redisLink.port}` };
    this.#file = file;
    this.#supervised = this.#supervise();
  }

  static async start(options: ManagedOptions): Promise<ManagedProcess> {
    return new ManagedProcess(options, await TcpProxy.start(options.redisUrl));
  }

  /** Resolves when it is ready, at once while it runs. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** For how long it has been ready, in milliseconds; 0 while it is starting. */
  get age(): number {
    return this.#running === null ? 0 : performance.now() - this.#readyAt;
  }

  /** Null while it is starting. */
  get pid(): number | null {
    return this.#running?.child.pid ?? null;
  }

  /** Of its newest engine child; null for what has none. */
  get enginePid(): number | null {
    const started = this.#running?.log.findLast((entry) => "engine_pid" in entry);
    return started === undefined ? null : Number(started["engine_pid"]);
  }

  /** SIGKILL, unless it is starting. @returns whether it was killed */
  async kill(): Promise<boolean> {
    const running = this.#running;
    if (running === null) return false;
    this.#isKilled = true;
    this.kills += 1;
    await running.kill();
    return true;
  }

  /** Stops it, or another process of it, for a while. */
  async sleep(ms: number, pid = this.pid): Promise<void> {
    if (pid === null || !signal(pid, "SIGSTOP")) return;
    await pause(ms);
    signal(pid, "SIGCONT");
  }

  /** Puts its clock wrong, for good; 0 puts it right. */
  async setClock(wrongByMs: number): Promise<void> {
    await writeFile(this.#clockFile, String(wrongByMs));
    if (this.pid !== null) signal(this.pid, "SIGUSR2");
  }

  /** Tells it to stop, and starts it no more. @returns its exit code */
  async stop(): Promise<number | null> {
    this.#isClosed = true;
    const code = (await this.#running?.stop()) ?? null;
    await this.#supervised;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#running?.kill();
    await this.redisLink[Symbol.asyncDispose]();
    await this.#supervised;
  }

  async #supervise(): Promise<void> {
    while (!this.#isClosed) {
      const running = await startLlamero(this.kind, this.#env, this.#file).catch(() => null);
      if (running === null) {
        this.failedStarts += 1;
        await pause(START_AGAIN_MS);
        continue;
      }
      const { child, log } = running;
      const exited = child.exitCode === null && child.signalCode === null ? once(child, "exit") : Promise.resolve();
      this.#running = running;
      this.#readyAt = performance.now();
      this.#ready.resolve();
      if (this.#isClosed) await running.kill();
      await exited;
      this.#running = null;
      this.#ready = Promise.withResolvers<void>();
      if (!this.#isKilled && !this.#isClosed)
        this.surprises.push(`${this.name} ended with ${child.signalCode ?? child.exitCode}: ${JSON.stringify(log.slice(-3))}`);
      this.#isKilled = false;
    }
  }
}

/** @returns whether there is such a process */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
