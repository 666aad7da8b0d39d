import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface ReceivedWebhook {
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** The status to answer a complete request with, or to drop its connection instead. */
export type WebhookAnswer = number | "drop";
export type Behaviour = (webhook: ReceivedWebhook) => WebhookAnswer | Promise<WebhookAnswer>;

interface Waiting {
  fits: (webhook: ReceivedWebhook) => boolean;
  resolve: (webhook: ReceivedWebhook) => void;
}

/** A server on loopback that webhooks are sent to. */
export class WebhookReceiver {
  /** All complete requests, in the order in which they came. */
  readonly received: ReceivedWebhook[] = [];
  readonly #behave: Behaviour;
  readonly #waiting = new Set<Waiting>();
  #server: Server | null = null;
  #port = 0;

  private constructor(behave: Behaviour) {
    this.#behave = behave;
  }

  static async start(behave: Behaviour = () => 204): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver(behave);
    await receiver.goUp();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The first webhook that fits, whether it has come already or is yet to. */
  until(fits: Waiting["fits"]): Promise<ReceivedWebhook> {
    const seen = this.received.find(fits);
    if (seen !== undefined) return Promise.resolve(seen);
    return new Promise((resolve) => this.#waiting.add({ fits, resolve }));
  }

  /** Listens, at the same port as before. */
  async goUp(): Promise<void> {
    const server = createServer((request, response) => void this.#receive(request, response));
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Breaks off all connections and refuses new ones. */
  async goDown(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goDown();
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A request that breaks off is none.
    const body = await text(request).catch(() => null);
    if (body === null) return;
    const webhook = { path: request.url ?? "", headers: request.headers as Record<string, string>, body };
    this.received.push(webhook);
    for (const waiting of this.#waiting) {
      if (!waiting.fits(webhook)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(webhook);
    }
    const answer = await this.#behave(webhook);
    if (answer === "drop") response.destroy();
    else response.writeHead(answer).end();
  }
}
