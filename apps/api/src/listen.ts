import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { getRequestListener, RequestError } from "@hono/node-server";
import { AppError } from "@llamero/core";
import type { Logger } from "@llamero/process";
import type { Hono } from "hono";
import { errorAnswer } from "./http-errors.ts";
import { announcesTooMuch, answerClientError, answerConnect } from "./wire-errors.ts";

export interface ListenOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Most bytes of the body of a request to a target: a client that asks before it sends more is told no. */
  bodyLimit: (target: string | undefined) => number;
  newRequestId: () => string;
  logger: Logger;
}

export interface Listening {
  url: string;
  /** Takes no more connections, lets requests under way end for a while, then cuts them; legal to call twice. */
  close(): Promise<void>;
}

/** How long requests under way may take after the server has been told to close, in milliseconds. */
const CLOSE_GRACE_MS = 3_000;

/** How long a request may take to arrive, in milliseconds: a file of a gigabyte, at 2 Mbit/s. */
const REQUEST_MS = 3_600_000;

function listener(app: Hono, { newRequestId, logger }: ListenOptions) {
  return getRequestListener(app.fetch, {
    errorHandler: (error) => {
      const isTheirs = error instanceof RequestError;
      if (!isTheirs) logger.error({ err: error }, "request failed");
      const message = "The request's target or Host header is not valid.";
      const { status, body, headers } = errorAnswer(isTheirs ? new AppError("invalid_request", message) : error);
      const type = { "content-type": "application/json; charset=utf-8" };
      return Response.json(body, { status, headers: { ...type, ...headers, "x-request-id": newRequestId() } });
    },
  });
}

function serve(app: Hono, options: ListenOptions): Server {
  const { bodyLimit, newRequestId } = options;
  // The listener refuses a request without Host, and does so in our own words.
  const server = createServer({ requireHostHeader: false, requestTimeout: REQUEST_MS }, listener(app, options));
  server.on("checkContinue", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    if (!announcesTooMuch(incoming, bodyLimit(incoming.url))) outgoing.writeContinue();
    server.emit("request", incoming, outgoing);
  });
  // An expectation that we do not know is one that we do not have to meet (RFC 9110, section 10.1.1).
  server.on("checkExpectation", (incoming, outgoing) => server.emit("request", incoming, outgoing));
  server.on("clientError", (error, socket) => answerClientError(error, socket, newRequestId()));
  // Node closes idle connections when the server closes, but not those that fall idle after that.
  server.on("request", (_incoming, outgoing: ServerResponse) =>
    outgoing.once("close", () => server.listening || setImmediate(() => server.closeIdleConnections())),
  );
  server.on("connect", (_incoming, socket) => answerConnect(socket, newRequestId()));
  return server;
}

async function bind(server: Server, { host, port }: ListenOptions): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "EADDRINUSE")
      throw new AppError("port_in_use", `Port ${port} on ${host} is in use. Choose another: PORT=${port + 1}.`, { cause });
    if (code === "EACCES")
      throw new AppError("port_in_use", `Port ${port} needs privileges this user lacks. Choose one above 1023.`, { cause });
    throw new AppError("config_invalid", `HOST=${host} is not an address of this machine (${code}).`, { cause });
  }
}

function endConnections(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  return closed.finally(() => clearTimeout(cut));
}

/**
 * Serves an app on a socket.
 * @throws AppError `port_in_use`, `config_invalid` for an address that is not this machine's
 */
export async function listen(app: Hono, options: ListenOptions): Promise<Listening> {
  const server = serve(app, options);
  await bind(server, options);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  let closed: Promise<void> | null = null;
  return {
    url: `http://${host}:${port}`,
    close: () => {
      closed ??= endConnections(server);
      return closed;
    },
  };
}
