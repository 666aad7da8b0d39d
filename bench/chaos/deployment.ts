import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectRedis, createStore, type Store } from "@llamero/store";
import { freePort, startRedis, TcpProxy, type TestRedis } from "@llamero/testkit";
import { benchModel } from "../models/bench-model.ts";
import type { Connection } from "../prove/redis-stats.ts";
import { ManagedProcess, type ProcessKind } from "./managed-process.ts";
import { ENDPOINT, OWN, Receivers } from "./receivers.ts";
import { StubbornClient } from "./stubborn-client.ts";

const COUNTS = { api: 2, worker: 3, dispatcher: 2 } as const satisfies Record<ProcessKind, number>;
export const MODEL = "bench";
const SLOTS = 8;
/** With a schedule in haste: what is sent again after minutes would outlast the run. */
const hastyDispatcher = fileURLToPath(new URL("../prove/hasty-dispatcher.ts", import.meta.url));
const deploymentSecret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

/** Real processes of every kind, each reaching every other one through a link of its own. */
export interface Deployment {
  redis: TestRedis;
  /** A connection past all links, that waits while Redis is away. */
  admin: Connection;
  store: Store;
  processes: ManagedProcess[];
  of(kind: ProcessKind): ManagedProcess[];
  /** From clients to each API. */
  frontLinks: TcpProxy[];
  /** From dispatchers to receivers. */
  receiverLink: TcpProxy;
  receivers: Receivers;
  /** The URL for a job's own webhook. */
  webhookUrl: string;
  client: StubbornClient;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openDeployment(seed: number): Promise<Deployment> {
  const open: AsyncDisposable[] = [];
  const keep = <T extends AsyncDisposable>(resource: T): T => {
    open.push(resource);
    return resource;
  };
  const dispose = async () => {
    for (const resource of open.toReversed()) await resource[Symbol.asyncDispose]();
  };
  try {
    return { ...(await build(seed, keep)), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

type Keep = <T extends AsyncDisposable>(resource: T) => T;

async function build(seed: number, keep: Keep): Promise<Omit<Deployment, typeof Symbol.asyncDispose>> {
  const folder = await mkdtemp(join(tmpdir(), "llamero-chaos-"));
  keep({ [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) });
  const redis = await startRedis(["--appendfsync", "everysec"]);
  keep({ [Symbol.asyncDispose]: () => redis.close() });
  const admin = await connectRedis(redis.url, "worker");
  keep({ [Symbol.asyncDispose]: async () => admin.disconnect() });
  const receivers = keep(await Receivers.start());
  const receiverLink = keep(await TcpProxy.start(receivers.url));
  const frontLinks: TcpProxy[] = [];
  const settings = await settingsOf();
  const processes: ManagedProcess[] = [];
  for (const [kind, count] of Object.entries(COUNTS) as [ProcessKind, number][])
    for (let nth = 1; nth <= count; nth++) {
      const port = await freePort();
      const env = { ...settings, PORT: String(port) };
      const file = kind === "dispatcher" ? { file: hastyDispatcher } : {};
      const options = { kind, name: `${kind}-${nth}`, env, redisUrl: redis.url, folder, ...file };
      processes.push(keep(await ManagedProcess.start(options)));
      if (kind === "api") frontLinks.push(keep(await TcpProxy.start(`http://127.0.0.1:${port}`)));
    }
  await Promise.all(processes.map(({ ready }) => ready));
  const [first = "", ...others] = frontLinks.map(({ port }) => `http://127.0.0.1:${port}`);
  const client = new StubbornClient([first, ...others], seed);
  const receiverUrl = `http://127.0.0.1:${receiverLink.port}`;
  const endpoint = await client.json<{ secret: string }>(
    "/v1/webhook-endpoints",
    { method: "POST", body: { url: receiverUrl + ENDPOINT, payload: "thin" }, accepts: [201] },
    AbortSignal.timeout(10_000),
  );
  receivers.sign(OWN, deploymentSecret);
  receivers.sign(ENDPOINT, endpoint.secret);
  return {
    redis,
    admin,
    store: createStore({ redis: admin, prefix: "llamero" }),
    processes,
    of: (kind) => processes.filter((process) => process.kind === kind),
    frontLinks,
    receiverLink,
    receivers,
    webhookUrl: receiverUrl + OWN,
    client,
  };
}

async function settingsOf(): Promise<Record<string, string>> {
  return {
    HOST: "127.0.0.1",
    LOG_LEVEL: "info",
    LLAMERO_MODELS: `${MODEL}=${await benchModel("tiny")}`,
    LLAMERO_GPU: "false",
    LLAMERO_THREADS: "1",
    LLAMERO_PARALLEL_CONTEXTS: "1",
    LLAMERO_SLOTS: String(SLOTS),
    LLAMERO_CONTEXT: "1024",
    LLAMERO_WEBHOOK_ALLOW: "127.0.0.1/32",
    LLAMERO_WEBHOOK_HTTP: "true",
    LLAMERO_WEBHOOK_SECRET: deploymentSecret,
  };
}
