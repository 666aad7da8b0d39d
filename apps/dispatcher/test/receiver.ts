import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedEvent {
  id: string;
  headers: Record<string, string>;
  body: string;
  event: { type: string; timestamp: string; data: Record<string, unknown> };
  path: string;
}

/** A status, or `hang` for no answer at all. */
export type Answer = number | "hang" | { status: number; headers: Record<string, string> };
export type Behaviour = (event: ReceivedEvent, nth: number) => Answer;

/** A receiver of webhooks on loopback that answers as it is told to. */
export class Receiver implements AsyncDisposable {
  readonly events: ReceivedEvent[] = [];
  behave: Behaviour;
  /** Answers wait for it. */
  hold: Promise<void> = Promise.resolve();
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  private constructor(server: Server, behave: Behaviour) {
    this.#server = server;
    this.behave = behave;
  }

  static async start(behave: Behaviour = () => 200): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server, behave);
    server.on("request", (request, response) => void receiver.#receive(request, response));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** Resolves when so many requests have come. */
  async received(count: number, timeoutMs = 15_000): Promise<ReceivedEvent[]> {
    const tooLate = AbortSignal.timeout(timeoutMs);
    while (this.events.length < count) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      tooLate.addEventListener("abort", () => reject(new Error(`${this.events.length} of ${count} events came`)), { once: true });
      await promise.finally(() => this.#waiting.delete(resolve));
    }
    return this.events.slice();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const headers = request.headers as Record<string, string>;
    const event = { id: headers["webhook-id"] ?? "", headers, body, event: JSON.parse(body), path: request.url ?? "" };
    this.events.push(event);
    const answer = this.behave(event, this.events.length);
    for (const resolve of this.#waiting) resolve();
    if (answer === "hang") return;
    await this.hold;
    if (typeof answer === "number") response.writeHead(answer).end("noted");
    else response.writeHead(answer.status, answer.headers).end("noted");
  }
}
