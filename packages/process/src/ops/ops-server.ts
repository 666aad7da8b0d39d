import { Worker } from "node:worker_threads";
import { AppError } from "@llamero/core";
import type { Metrics } from "../metrics/metrics.ts";
import type { Health } from "./health.ts";
import type { OpsAnswer, OpsQuestion, OpsStarted, OpsThreadData } from "./ops-messages.ts";

/** How often the event loop shows that it turns, in milliseconds. */
const TURN_MS = 250;
/** From when on it counts as stuck, in milliseconds: longer than any work of ours takes, and a pause of the machine. */
const STUCK_MS = 10_000;

export interface OpsServerOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Null: there is no profiling. */
  profilingToken: string | null;
  health: Pick<Health, "readiness">;
  metrics: Pick<Metrics, "text" | "contentType">;
  /** Default: 10 s. */
  stuckMs?: number;
}

export interface OpsServer {
  port: number;
  close(): Promise<void>;
}

/**
 * Serves `/livez`, `/readyz` and `/metrics`, and profiles where there is a token, in a thread of its own.
 * @throws AppError `port_in_use`, `config_invalid` for an address that is not this machine's
 */
export async function openOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const { host, port, profilingToken, stuckMs = STUCK_MS } = options;
  const turnedAt = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
  const turn = () => Atomics.store(turnedAt, 0, BigInt(Date.now()));
  turn();
  const workerData: OpsThreadData = { host, port, profilingToken, stuckMs, turnedAt };
  const thread = new Worker(new URL("./ops-thread.ts", import.meta.url), { workerData, name: "ops" });
  const timer = setInterval(turn, TURN_MS);
  const close = async () => {
    clearInterval(timer);
    await thread.terminate();
  };
  try {
    const bound = await started(thread, options);
    // The process ends when its work does, not when the port is closed.
    timer.unref();
    thread.unref();
    thread.on("message", (question: OpsQuestion) => {
      void answer(question, options).then((reply) => thread.postMessage(reply));
    });
    return { port: bound, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function started(thread: Worker, { host, port }: OpsServerOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<OpsStarted>();
  thread.once("message", resolve);
  thread.once("error", reject);
  const told = await promise;
  thread.off("error", reject);
  if (told.type === "listening") return told.port;
  if (told.code === "EADDRINUSE")
    throw new AppError("port_in_use", `Port ${port} on ${host} is in use. Set LLAMERO_OPS_PORT to another one.`);
  throw new AppError("config_invalid", `LLAMERO_OPS_HOST=${host} cannot be listened on: ${told.message}.`);
}

async function answer({ id, what }: OpsQuestion, { health, metrics }: OpsServerOptions): Promise<OpsAnswer> {
  if (what === "metrics") return { id, status: 200, contentType: metrics.contentType, body: await metrics.text() };
  const { isReady, problems } = health.readiness();
  const body = JSON.stringify(isReady ? { status: "ok" } : { status: "unavailable", problems });
  return { id, status: isReady ? 200 : 503, contentType: "application/json; charset=utf-8", body };
}
