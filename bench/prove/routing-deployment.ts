import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Job, jobSchema } from "@llamero/core";
import { connectRedis } from "@llamero/store";
import { type LlameroProcess, startLlamero, startRedis } from "@llamero/testkit";
import type { Connection } from "./redis-stats.ts";

/** The bundled model on one core, so that the other is left for everything else. */
const ENGINE = { LLAMERO_GPU: "false", LLAMERO_THREADS: "1", LLAMERO_PARALLEL_CONTEXTS: "1", LLAMERO_SLOTS: "16" };

/** What a server does with requests: pass them on, answer 500, take them and say nothing, or pass them on after `SLOW_MS`. */
export type Health = "well" | "fails" | "hangs" | "slows";
const SLOW_MS = 3_000;

/** Stands before a server and makes it fail as a test says. Requests are passed on as they are. */
export class FaultyServer {
  readonly #target: URL;
  readonly #server: Server;
  /** One connection for each request that is under way, kept for the next. */
  readonly #agent = new Agent({ keepAlive: true });
  readonly #held = new Set<ServerResponse>();
  health: Health = "well";
  /** Requests for answers that have come. */
  asked = 0;

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((incoming, response) => {
      if (incoming.method === "POST") this.asked += 1;
      if (this.health === "fails") return void response.writeHead(500).end("{}");
      if (this.health === "hangs") return void this.#held.add(response);
      if (this.health !== "slows") return this.#pass(incoming, response);
      const late = setTimeout(() => this.#pass(incoming, response), SLOW_MS);
      response.on("close", () => clearTimeout(late));
    });
  }

  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    const { hostname, port } = this.#target;
    const { method = "GET", url = "/", headers } = incoming;
    const passed = request({ hostname, port, method, path: url, headers, agent: this.#agent }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    response.on("close", () => passed.destroy());
    incoming.pipe(passed);
  }

  static async start(target: string): Promise<FaultyServer> {
    const server = new FaultyServer(target);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** From now on it is well, and what it has kept waiting is let go without an answer. */
  recover(): void {
    this.health = "well";
    for (const response of this.#held) response.destroy();
    this.#held.clear();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
  }
}

/** A deployment whose worker has three models: `main` and `canary` from a server each, `spare` of its own. */
export interface RoutingDeployment {
  redis: Connection;
  main: FaultyServer;
  canary: FaultyServer;
  /** Two API processes. */
  urls: string[];
  /** Changes the settings over the first API. */
  set(settings: object): Promise<void>;
  submit(body: object, api?: number): Promise<Job>;
  ended(id: string): Promise<Job>;
  /** State of a model's breaker; null: it is closed. */
  breaker(model: string): Promise<string | null>;
  [Symbol.asyncDispose](): Promise<void>;
}

const headers = { "content-type": "application/json" };

async function call(url: string, method = "GET", body?: object): Promise<unknown> {
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  if (!response.ok) throw new Error(`${method} ${url} was answered with ${response.status}: ${await response.text()}`);
  return response.json();
}

export async function openRoutingDeployment(): Promise<RoutingDeployment> {
  const redises = await Promise.all([startRedis(), startRedis(["--appendfsync", "everysec"])]);
  const [back, front] = redises.map(({ url }) => ({ REDIS_URL: url, HOST: "127.0.0.1", PORT: "0", LOG_LEVEL: "warn" })) as [
    object,
    object,
  ];
  const processes: LlameroProcess[] = [];
  const start = async (...[name, env, file]: Parameters<typeof startLlamero>) => {
    const started = await startLlamero(name, env, file);
    processes.push(started);
    return started;
  };
  const [backApi] = await Promise.all([start("api", { ...back }), start("worker", { ...back, ...ENGINE })]);
  const [main, canary] = await Promise.all([0, 1].map(() => FaultyServer.start(backApi.ready.url ?? "")));
  if (main === undefined || canary === undefined) throw new Error("two servers are to stand before the API");
  const remote = (name: string, server: FaultyServer) => `${name}=${server.url}?model=tiny&slots=16&silent=60`;
  const models = [remote("main", main), remote("canary", canary), "spare=models/tiny/tiny.gguf"].join(",");
  const apis = await Promise.all([start("api", { ...front }), start("api", { ...front })]);
  await Promise.all([start("worker", { ...front, ...ENGINE, LLAMERO_MODELS: models }), start("dispatcher", { ...front })]);
  const urls = apis.map(({ ready }) => ready.url ?? "");
  const redis = await connectRedis(redises[1]?.url ?? "", "commands");
  return {
    ...{ redis, main, canary, urls },
    set: async (settings) => void (await call(`${urls[0]}/v1/admin/settings`, "POST", { settings })),
    submit: async (body, api = 0) => jobSchema.parse(await call(`${urls[api]}/v1/jobs`, "POST", body)),
    ended: async (id) => {
      for (;;) {
        const job = jobSchema.parse(await call(`${urls[0]}/v1/jobs/${id}?wait=60`));
        if (job.finished_at !== null) return job;
      }
    },
    breaker: async (model) => {
      const { breaker } = (await call(`${urls[0]}/v1/models/${model}`)) as { breaker: { state: string } | null };
      return breaker?.state ?? null;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(processes.map((process) => process.kill()));
      for (const server of [main, canary]) server.close();
      redis.disconnect();
      await Promise.all(redises.map((each) => each.close()));
    },
  };
}
