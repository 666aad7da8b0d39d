import { setMaxListeners } from "node:events";
import { createServer } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { bind } from "../bind.ts";
import { closeIdleOnes, endConnections } from "../end-connections.ts";
import { type Listening, REQUEST_MS } from "../listen.ts";
import { byFirstBytes } from "./first-bytes.ts";
import { createGrpcHandler, type GrpcOptions } from "./handler.ts";
import { keepAlive } from "./keep-alive.ts";

export interface GrpcListenOptions extends GrpcOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
}

/**
 * While more of a connection's answers waits to be sent, Node takes no new calls of it, in megabytes. Its default of 10 is what a
 * few answers with many vectors have (Node's `maxSessionMemory`).
 */
const SESSION_MEGABYTES = 128;

/** Sessions of HTTP/2, each kept an eye on. */
class Sessions {
  readonly #open = new Set<ServerHttp2Session>();

  constructor(server: Http2Server, pingEveryMs: number) {
    server.on("session", (session) => {
      this.#open.add(session);
      session.once("close", () => this.#open.delete(session));
      keepAlive(session, pingEveryMs);
    });
  }

  /** Takes no more calls, and ends each session when its last call has ended. */
  close(): void {
    for (const session of this.#open) session.close();
  }

  cut(): void {
    for (const session of this.#open) session.destroy();
  }
}

/**
 * Serves gRPC over HTTP/2 without TLS, and gRPC-Web and Connect over that and HTTP/1.1, on one port.
 * @throws AppError `port_in_use`, `config_invalid` for an address that is not this machine's
 */
export async function listenGrpc({ host, port, ...options }: GrpcListenOptions): Promise<Listening> {
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal);
  const handler = createGrpcHandler({ ...options, stopping: stopping.signal });
  const http2 = createHttp2Server({ maxSessionMemory: SESSION_MEGABYTES }, handler);
  const sessions = new Sessions(http2, options.services.events.stallMs);
  const server = createServer({ requestTimeout: REQUEST_MS }, handler);
  closeIdleOnes(server);
  // What has not said yet which HTTP it speaks.
  const silent = new Set<Socket>();
  const serveHttp1 = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    silent.add(socket);
    socket.once("close", () => silent.delete(socket));
    byFirstBytes(socket, (version) => {
      silent.delete(socket);
      if (version === "http2") http2.emit("connection", socket);
      else for (const serve of serveHttp1) serve.call(server, socket);
    });
  });
  const url = await bind(server, { host, port, setting: "LLAMERO_GRPC_PORT" });
  let closed: Promise<void> | null = null;
  const end = () => {
    stopping.abort();
    const ended = endConnections(server, () => sessions.cut());
    sessions.close();
    for (const socket of silent) socket.destroy();
    return ended;
  };
  return {
    url,
    close: () => {
      closed ??= end();
      return closed;
    },
  };
}
