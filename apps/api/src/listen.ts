import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { getRequestListener, RequestError } from "@hono/node-server";
import { AppError } from "@llamero/core";
import type { Logger } from "@llamero/process";
import type { Hono } from "hono";
import { bind } from "./bind.ts";
import { closeIdleOnes, endConnections } from "./end-connections.ts";
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
  /** From now on every answer is the last one on its connection. */
  drain?(): void;
  /** Takes no more connections, lets requests under way end for a while, then cuts them; legal to call twice. */
  close(): Promise<void>;
}

/** How long a request may take to arrive, in milliseconds: a file of a gigabyte, at 2 Mbit/s. */
export const REQUEST_MS = 3_600_000;

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
  closeIdleOnes(server);
  server.on("connect", (_incoming, socket) => answerConnect(socket, newRequestId()));
  return server;
}

/**
 * Serves an app on a socket.
 * @throws AppError `port_in_use`, `config_invalid` for an address that is not this machine's
 */
export async function listen(app: Hono, options: ListenOptions): Promise<Listening> {
  const server = serve(app, options);
  const url = await bind(server, { ...options, setting: "PORT" });
  let closed: Promise<void> | null = null;
  return {
    url,
    drain: () => void server.prependListener("request", (_incoming, outgoing) => outgoing.setHeader("connection", "close")),
    close: () => {
      closed ??= endConnections(server);
      return closed;
    },
  };
}
