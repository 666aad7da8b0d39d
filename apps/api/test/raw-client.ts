import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { ErrorText } from "./expect-error.ts";

/** A client that sends what it is told, byte by byte, and reads one answer at a time. */
export class RawClient {
  readonly socket: Socket;
  /** Resolves when the server has ended the connection. */
  readonly ended: Promise<unknown>;
  #received = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    this.ended = once(socket, "close");
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      this.#received += text;
    });
    // A server that stops listening to a body resets the connection; what it said before has arrived.
    socket.on("error", () => {});
  }

  static async open(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    return new RawClient(socket);
  }

  send(data: string | Buffer): this {
    this.socket.write(data);
    return this;
  }

  /** The next answer; `text` is its body. */
  async answer(): Promise<ErrorText> {
    for (;;) {
      const parsed = this.#take();
      if (parsed !== null) return parsed;
      if (this.socket.closed) throw new Error(`closed after ${JSON.stringify(this.#received)}`);
      await Promise.race([once(this.socket, "data"), once(this.socket, "close")]);
    }
  }

  /** All that has not been read as an answer, once the server has ended the connection. */
  async rest(): Promise<string> {
    await this.ended;
    return this.#received;
  }

  #take(): ErrorText | null {
    const end = this.#received.indexOf("\r\n\r\n");
    if (end === -1) return null;
    const [first = "", ...lines] = this.#received.slice(0, end).split("\r\n");
    const headers = new Headers(lines.map((line) => line.split(/:\s*/, 2) as [string, string]));
    const size = Number(headers.get("content-length") ?? 0);
    const body = Buffer.from(this.#received.slice(end + 4));
    if (body.byteLength < size) return null;
    this.#received = body.subarray(size).toString();
    return { status: Number(first.split(" ")[1]), headers, text: body.subarray(0, size).toString() };
  }

  close(): void {
    this.socket.destroy();
  }
}

/** The head of a request, with Host. */
export function head(line: string, headers: Record<string, string | number> = {}): string {
  const lines = Object.entries({ host: "localhost", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join("")}\r\n`;
}
