import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, isAlive } from "@llamero/testkit";
import { expect } from "vitest";
import { redisCall } from "../src/redis-call.ts";

/** A `llamero dev` under test: a process of its own with everything it printed. */
export class Dev {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  output = "";

  constructor(env: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, [join(import.meta.dirname, "dev-main.ts")], { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#exited = once(this.#child, "close");
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
        this.#child.emit("output");
      });
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until the pattern has been printed that many times. */
  async printed(pattern: RegExp, times = 1): Promise<void> {
    const all = new RegExp(pattern.source, `${pattern.flags}g`);
    while ((this.output.match(all) ?? []).length < times) {
      if (this.#child.exitCode !== null) throw new Error(`it ended without printing ${pattern}:\n${this.output}`);
      await Promise.race([once(this.#child, "output"), this.#exited]);
    }
  }

  async ready(): Promise<this> {
    await this.printed(/Ctrl-C stops it/);
    return this;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Its exit code; -1 when a signal ended it. */
  async exit(): Promise<number> {
    await this.#exited;
    return this.#child.exitCode ?? -1;
  }

  async stop(): Promise<number> {
    this.signal("SIGTERM");
    return await this.exit();
  }
}

/** A folder with a data folder, a folder for sockets and a free port: what one machine gives to `llamero dev`. */
export class Place {
  readonly folder: string;
  readonly port: number;
  readonly #devs: Dev[] = [];

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  static async create(): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), "llamero-dev-"));
    await mkdir(join(folder, "tmp"));
    await writeFile(join(folder, "events"), "");
    return new Place(folder, await freePort());
  }

  get dataDir(): string {
    return join(this.folder, "data");
  }

  dev(env: Record<string, string> = {}): Dev {
    const own = { DATA_DIR: this.dataDir, TMPDIR: join(this.folder, "tmp"), HOST: "127.0.0.1", PORT: String(this.port) };
    const { PATH } = process.env;
    const dev = new Dev({ ...(PATH === undefined ? {} : { PATH }), ...own, FAKE_EVENTS: join(this.folder, "events"), ...env });
    this.#devs.push(dev);
    return dev;
  }

  /** What the stand-ins wrote: `api start PID REDIS_URL`, `api stop`. */
  async events(): Promise<string[]> {
    return (await readFile(join(this.folder, "events"), "utf8")).split("\n").filter((line) => line !== "");
  }

  /** The pids of all starts of that process so far, in order. */
  async pids(name: string): Promise<number[]> {
    const starts = (await this.events()).filter((line) => line.startsWith(`${name} start `));
    return starts.map((line) => Number(line.split(" ")[2]));
  }

  async redis(...command: string[]): Promise<string> {
    const [runtime] = await readdir(join(this.folder, "tmp"));
    const socket = connect(join(this.folder, "tmp", runtime ?? "", "redis.sock"));
    try {
      return await redisCall(socket, command);
    } finally {
      socket.destroy();
    }
  }

  /** Asserts that no process, socket or lock is left, and removes the folder. */
  async close(): Promise<void> {
    for (const dev of this.#devs) dev.signal("SIGKILL");
    const pids = (await Promise.all(["api", "worker", "dispatcher"].map((name) => this.pids(name)))).flat();
    expect(pids.filter(isAlive)).toEqual([]);
    expect(await readdir(join(this.folder, "tmp"))).toEqual([]);
    await rm(this.folder, { recursive: true });
  }
}

/** Waits for the end of a process that is not this one's child, for which the system has no event. */
export async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}
