import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

export interface ReceivedRequest {
  readonly line: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

export interface ReceiverOptions {
  /** Default: 127.0.0.1. */
  host?: string;
  /** Default: any free one. */
  port?: number;
  tls?: TlsOptions;
  /** Called for each connection, before anything is read. */
  onConnect?: (socket: Socket) => void;
}

/** What a receiver does with a complete request. */
export type Behaviour = (socket: Socket, request: ReceivedRequest) => void;

/** A server that answers byte by byte, as badly as it is told to. */
export class Receiver {
  readonly requests: ReceivedRequest[] = [];
  readonly sockets: Socket[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(
    behave: Behaviour,
    { host = "127.0.0.1", port = 0, tls, onConnect }: ReceiverOptions = {},
  ): Promise<Receiver> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    const receiver = new Receiver(server);
    server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
      receiver.sockets.push(socket);
      // What the other side does to the socket is asserted by its results.
      socket.on("error", () => {});
      onConnect?.(socket);
      if (socket.isPaused()) return;
      readRequests(socket, (request) => {
        receiver.requests.push(request);
        behave(socket, request);
      });
    });
    server.listen(port, host);
    await once(server, "listening");
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  /** Resolves when every connection so far has ended. */
  async socketsClosed(): Promise<void> {
    const open = this.sockets.filter((socket) => !socket.closed);
    await Promise.all(open.map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

function readRequests(socket: Socket, found: (request: ReceivedRequest) => void): void {
  let received = Buffer.alloc(0);
  socket.on("data", (data: Buffer) => {
    received = Buffer.concat([received, data]);
    for (;;) {
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const [line = "", ...fields] = received.subarray(0, end).toString("latin1").split("\r\n");
      const headers = Object.fromEntries(fields.map((field) => field.split(/: ?(.*)/s).slice(0, 2) as [string, string]));
      const bodyEnd = end + 4 + Number(headers["content-length"] ?? 0);
      if (received.length < bodyEnd) return;
      const body = received.subarray(end + 4, bodyEnd);
      received = received.subarray(bodyEnd);
      found({ line, headers, body });
    }
  });
}

/** An answer with a body, as HTTP. */
export function answer(status: number, body = "", headers: Record<string, string> = {}): string {
  const fields = Object.entries({ "content-length": String(Buffer.byteLength(body)), ...headers });
  return `HTTP/1.1 ${status} X\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`;
}
