import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";
import type { Job } from "@llamero/core";
import { createParser } from "eventsource-parser";

/** An event as it came over the wire. */
export interface Seen {
  id: string;
  event: string;
  data: unknown;
}

/** A client of a job's events, whose parser is not ours. */
export class EventClient implements AsyncIterable<Seen> {
  readonly response: Response;
  /** Comments and retry times that came so far. */
  readonly comments: string[] = [];
  readonly retries: number[] = [];
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  readonly #events: Seen[] = [];
  readonly #parser = createParser({
    onEvent: ({ id = "", event = "", data }) => this.#events.push({ id, event, data: JSON.parse(data) }),
    onComment: (comment) => this.comments.push(comment),
    onRetry: (ms) => this.retries.push(ms),
    onError: (error) => {
      throw error;
    },
  });

  /** @param response to a request for events; must be 200 */
  constructor(response: Response) {
    if (response.status !== 200 || response.body === null) throw new Error(`events answered ${response.status}`);
    this.response = response;
    this.#reader = response.body.getReader();
  }

  /** Follows over a connection of its own; `fetch` opens more than it uses. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<EventClient> {
    const sent = request(url, { headers, agent: false }).end();
    const [incoming] = (await once(sent, "response")) as [IncomingMessage];
    const body = Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
    return new EventClient(new Response(body, { status: incoming.statusCode ?? 0 }));
  }

  /** Takes the next piece off the wire; false when there is none. */
  async read(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    if (value !== undefined) this.#parser.feed(this.#decoder.decode(value, { stream: true }));
    return !done;
  }

  /** The next event; null when the stream has ended. */
  async next(): Promise<Seen | null> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      if (!(await this.read())) return null;
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Seen> {
    for (let event = await this.next(); event !== null; event = await this.next()) yield event;
  }

  /** Leaves, as a client does that is closed. */
  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}

/** What a client has of a job: it does with each event what the API's description says. */
export class Follower {
  text = "";
  lastId: string | null = null;
  job: Job | null = null;
  readonly ids: string[] = [];

  take({ id, event, data }: Seen): void {
    this.lastId = id;
    this.ids.push(id);
    if (event === "status" && (data as { text_reset: boolean }).text_reset) this.text = "";
    if (event === "delta") this.text += (data as { text: string }).text;
    if (event === "done") this.job = data as Job;
  }

  /** What to send to go on. */
  get headers(): Record<string, string> {
    return this.lastId === null ? {} : { "last-event-id": this.lastId };
  }
}
