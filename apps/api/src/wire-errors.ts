import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { AppError } from "@llamero/core";
import { type ErrorAnswer, errorAnswer } from "./http-errors.ts";

/** What Node's HTTP parser and timers refuse, by their code; anything else that cannot be parsed is a plain 400. */
const refusals: Record<string, { status: number; message: string }> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: "The request line and headers are longer than 16 KiB together." },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, message: "The chunk extensions are too large." },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: "The request took too long to arrive." },
};
const malformed = { status: 400, message: "The request is not well-formed HTTP." };

interface WriteOptions {
  requestId: string;
  /** The request asked for the head alone; what follows it would be taken for the next answer. */
  isHead?: boolean;
}

function write(socket: Duplex, { status, body, headers }: ErrorAnswer, { requestId, isHead = false }: WriteOptions): void {
  const text = JSON.stringify(body);
  const lines = {
    ...headers,
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "x-request-id": requestId,
    connection: "close",
  };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join("")}\r\n${isHead ? "" : text}`);
}

/** What Node's server emits. */
interface ClientError extends Error {
  code?: string;
  /** The bytes that were being parsed: of a short request all of it, of a long one a part. */
  rawPacket?: Buffer;
}

const HEAD = Buffer.from("HEAD ");

/** Answers what never became a request; the connection ends with it. */
export function answerClientError(error: ClientError, socket: Duplex, requestId: string): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, message } = refusals[error.code ?? ""] ?? malformed;
  const isHead = error.rawPacket?.subarray(0, HEAD.length).equals(HEAD) === true;
  write(socket, { ...errorAnswer(new AppError("invalid_request", message)), status }, { requestId, isHead });
}

/** Answers CONNECT, which Node hands over as a bare socket. */
export function answerConnect(socket: Duplex, requestId: string): void {
  write(socket, errorAnswer(new AppError("method_not_allowed", "This is no proxy: CONNECT is not taken.")), { requestId });
}

/** Whether a request's own words put it over the limit, so that the body needs not be asked for. */
export function announcesTooMuch(incoming: IncomingMessage, maxBodyBytes: number): boolean {
  return Number(incoming.headers["content-length"] ?? 0) > maxBodyBytes;
}
