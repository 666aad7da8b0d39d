import { AppError, isTerminal, type Job } from "@llamero/core";
import type { Logger } from "@llamero/process";
import type { EventPage, Notifications, Store } from "@llamero/store";
import { eventsBehind, eventText, hasLast, type JobEvent, type Position } from "./event-position.ts";
import { Hint } from "./hint.ts";
import { shareReads } from "./share-reads.ts";

export interface JobEventsOptions {
  store: Pick<Store, "readEvents" | "getJob">;
  notifications: Notifications;
  logger: Logger;
  /** After so much silence a comment is sent, so that proxies keep the connection, in milliseconds. Default: 15,000. */
  heartbeatMs?: number;
}

interface Reference {
  id: string;
  owner: string;
}

/** What an event is on the wire. */
export type WriteEvent = (event: JobEvent) => string;

interface Following<Piece> {
  behind: Position | null;
  hint: Hint;
  /** Given before anything. Default: nothing. */
  opening?: Piece;
  /** What some events are; null for nothing. */
  write: (events: readonly JobEvent[]) => Piece | null;
  /** Given when nothing has been for a while. */
  heartbeat: Piece;
}

/** Half of what common proxies let a connection be idle for, in milliseconds. */
const HEARTBEAT_MS = 15_000;
/** A client that takes nothing for so many heartbeats is cut off. */
const STALLED_HEARTBEATS = 2;
/** After a reading that failed, the next one comes this much later, in milliseconds. */
const READ_AGAIN_MS = 500;

const START = { chunks: 0, attempt: 0 };

const HEARTBEAT = ":\n\n";
/** Says how long a client that was cut off is to wait before it comes back, in milliseconds. */
const RETRY = "retry: 1000\n\n";

/** The events of jobs as they happen, for any number of clients. */
export class JobEvents {
  readonly #notifications: Notifications;
  readonly #logger: Logger;
  readonly #heartbeatMs: number;
  readonly #readPage: (job: Reference, behind: Position | null) => Promise<EventPage | null>;
  readonly #readJob: (job: Reference) => Promise<Job | null>;

  constructor({ store, notifications, logger, heartbeatMs = HEARTBEAT_MS }: JobEventsOptions) {
    this.#notifications = notifications;
    this.#logger = logger;
    this.#heartbeatMs = heartbeatMs;
    this.#readPage = shareReads(
      ({ id, owner }, behind) => `${id} ${owner} ${behind?.chunks ?? 0} ${behind?.attempt ?? 0}`,
      (job, behind) => store.readEvents(job, behind ?? START),
    );
    this.#readJob = shareReads(
      ({ id, owner }) => `${id} ${owner}`,
      (job) => store.getJob(job),
    );
  }

  /** How long a client may take nothing before it is to be cut off, in milliseconds. */
  get stallMs(): number {
    return this.#heartbeatMs * STALLED_HEARTBEATS;
  }

  /**
   * What there is of a job behind a position; null when it does not exist or is somebody else's.
   * @throws AppError `redis_unavailable`
   */
  read(job: Reference, behind: Position | null): Promise<EventPage | null> {
    return this.#readPage(job, behind);
  }

  /**
   * The events of a job behind a position, to its end, as a response body. Nothing is read before the client has taken what
   * came earlier: one that is slow or gone costs a position, and the store keeps the rest. A Redis that goes away is waited
   * for. Ends early when this process stops.
   * @param write what an event is on the wire, '' for nothing; default: as `GET /v1/jobs/{id}/events` has it
   */
  follow(job: Reference, behind: Position | null, write: WriteEvent = eventText): ReadableStream<Uint8Array> {
    const hint = new Hint();
    const text = (events: readonly JobEvent[]) => events.map(write).join("") || null;
    const pieces = this.#pieces(job, { behind, hint, opening: RETRY, write: text, heartbeat: HEARTBEAT });
    const encoder = new TextEncoder();
    return new ReadableStream(
      {
        pull: async (controller) => {
          const piece = await this.#nextText(job, pieces);
          if (hint.isOver) return;
          if (piece === null) controller.close();
          else controller.enqueue(encoder.encode(piece));
        },
        cancel: async () => {
          hint.end();
          await pieces.return();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /**
   * The same as what has happened since the last taking, in turns; an empty turn is a heartbeat. The last one has `done`, unless
   * the job was removed or this process stops.
   * @param signal ends it
   * @throws what a reading fails with, but that Redis is away
   */
  async *turns(job: Reference, behind: Position | null, signal: AbortSignal): AsyncGenerator<readonly JobEvent[], void, void> {
    const hint = new Hint();
    const end = () => hint.end();
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    const write = (events: readonly JobEvent[]) => (events.length === 0 ? null : events);
    try {
      yield* this.#pieces(job, { behind, hint, write, heartbeat: [] });
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  /** The next piece of a stream that ends where its reading fails: its client comes back by itself. */
  async #nextText(job: Reference, pieces: AsyncGenerator<string, void, void>): Promise<string | null> {
    try {
      const piece = await pieces.next();
      return piece.done === true ? null : piece.value;
    } catch (error) {
      this.#logger.error({ err: error, job_id: job.id }, "the events of a job broke off");
      return null;
    }
  }

  async *#pieces<Piece>(
    job: Reference,
    { behind, hint, opening, write, heartbeat }: Following<Piece>,
  ): AsyncGenerator<Piece, void, void> {
    const { subscribed, release } = this.#notifications.subscribe(job.id, hint.give, "any");
    try {
      if (opening !== undefined) yield opening;
      // What is read before the subscription stands may miss a change.
      void subscribed.then(hint.give);
      await hint.wait(this.#heartbeatMs);
      let position = behind;
      let sentAt = performance.now();
      while (!this.#notifications.isClosed && !hint.isOver) {
        const { events, afterwards } = await this.#next(job, position);
        const piece = write(events);
        if (piece !== null) yield piece;
        if (piece !== null) sentAt = performance.now();
        position = events.at(-1)?.position ?? position;
        if (afterwards === "end") return;
        if (afterwards === "more") continue;
        const dueInMs = () => Math.max(0, sentAt + this.#heartbeatMs - performance.now());
        await hint.wait(afterwards === "retry" ? Math.min(READ_AGAIN_MS, dueInMs()) : dueInMs());
        if (dueInMs() > 0) continue;
        yield heartbeat;
        sentAt = performance.now();
      }
    } finally {
      release();
    }
  }

  /** The next events, and what to do when they are sent. */
  async #next(
    job: Reference,
    behind: Position | null,
  ): Promise<{ events: JobEvent[]; afterwards: "wait" | "more" | "retry" | "end" }> {
    try {
      const page = await this.#readPage(job, behind);
      if (page === null) return { events: [], afterwards: "end" };
      const events = eventsBehind(behind, page);
      if (!hasLast(page)) return { events, afterwards: "more" };
      if (!isTerminal(page.status)) return { events, afterwards: "wait" };
      const data = await this.#readJob(job);
      if (data !== null) events.push({ name: "done", position: page, data });
      return { events, afterwards: "end" };
    } catch (error) {
      if (error instanceof AppError && error.retryable) return { events: [], afterwards: "retry" };
      throw error;
    }
  }
}
