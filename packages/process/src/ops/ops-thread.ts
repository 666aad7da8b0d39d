/**
 * The thread that serves the operators' port: `/livez`, `/readyz`, `/metrics` and profiles of the main thread. It is a thread of its own
 * so that it can tell of an event loop that is stuck instead of being stuck with it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import type { OpsAnswer, OpsQuestion, OpsStarted, OpsThreadData } from "./ops-messages.ts";
import { isAllowed, sendCpuProfile, sendHeapSnapshot } from "./profiles.ts";

const JSON_TYPE = "application/json; charset=utf-8";
/** How long the main thread may take to answer, in milliseconds; less than Prometheus waits by itself. */
const ANSWER_MS = 5_000;

const data = workerData as OpsThreadData;
const port = parentPort;
if (port === null) throw new Error("ops-thread.ts runs as a thread.");

const asked = new Map<number, (answer: OpsAnswer) => void>();
let questions = 0;

port.on("message", (answer: OpsAnswer) => asked.get(answer.id)?.(answer));

function stuckSeconds(): number {
  const turnedAt = Number(Atomics.load(data.turnedAt, 0));
  const sinceMs = Date.now() - turnedAt;
  return sinceMs > data.stuckMs ? Math.round(sinceMs / 1_000) : 0;
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": JSON_TYPE, "cache-control": "no-store" }).end(JSON.stringify(body));
}

/** Passes a question on to the main thread, and its answer back. */
function ask(what: OpsQuestion["what"], response: ServerResponse): void {
  const id = ++questions;
  const late = setTimeout(() => {
    asked.delete(id);
    sendJson(response, 503, { status: "unavailable", problems: { event_loop: "the process does not answer" } });
  }, ANSWER_MS);
  asked.set(id, ({ status, contentType, body }) => {
    clearTimeout(late);
    asked.delete(id);
    response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" }).end(body);
  });
  port?.postMessage({ id, what } satisfies OpsQuestion);
}

function livez(response: ServerResponse): void {
  const stuck = stuckSeconds();
  if (stuck === 0) sendJson(response, 200, { status: "ok" });
  else sendJson(response, 503, { status: "stuck", problems: { event_loop: `has not turned for ${stuck} seconds` } });
}

function debug(request: IncomingMessage, response: ServerResponse, url: URL): void {
  const { profilingToken } = data;
  if (profilingToken === null) sendJson(response, 404, { error: "Profiling is off: LLAMERO_PROFILING_TOKEN is not set." });
  else if (!isAllowed(request.headers.authorization, profilingToken))
    sendJson(response, 401, { error: "Send LLAMERO_PROFILING_TOKEN as a bearer token." });
  else if (url.pathname === "/debug/cpu-profile") void sendCpuProfile(response, url.searchParams.get("seconds"));
  else void sendHeapSnapshot(response);
}

const paths = ["/livez", "/readyz", "/metrics", "/debug/cpu-profile", "/debug/heap-snapshot"];

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (!paths.includes(url.pathname))
    sendJson(response, 404, { error: `There is nothing at ${url.pathname}. There are ${paths.join(", ")}.` });
  else if (request.method !== "GET" && request.method !== "HEAD") sendJson(response, 405, { error: "Only GET." });
  else if (url.pathname === "/livez") livez(response);
  else if (url.pathname === "/readyz") ask("readyz", response);
  else if (url.pathname === "/metrics") ask("metrics", response);
  else debug(request, response, url);
}

const server = createServer(answer);
server.once("error", (error: NodeJS.ErrnoException) => {
  port.postMessage({ type: "failed", code: error.code ?? "", message: error.message } satisfies OpsStarted);
});
server.listen(data.port, data.host, () => {
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : data.port;
  port.postMessage({ type: "listening", port: bound } satisfies OpsStarted);
});
