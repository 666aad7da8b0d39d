import type { Socket } from "node:net";
import { AppError } from "@llamero/core";
import { Agent, type Dispatcher, Pool, request } from "undici";
import type { AddressGuard } from "./address-guard.ts";
import { type AttemptError, type AttemptOutcome, attemptError, judgeError, judgeStatus } from "./outcome.ts";
import { pinnedConnector } from "./pinned-connector.ts";
import { type Resolve, systemResolve } from "./resolve.ts";
import { parseRetryAfter } from "./retry-after.ts";
import type { SigningSecrets } from "./secret.ts";
import { shareLookups } from "./share-lookups.ts";
import { signHeaders } from "./sign.ts";
import { parseWebhookUrl } from "./url-check.ts";

/** Of one attempt, from the first DNS query to the last byte, in milliseconds: Standard Webhooks 1.0, "Request timeouts". */
const TIMEOUT_MS = 15_000;
/** What is kept of an answer's body for the delivery log, in bytes. */
const HEAD_BYTES = 1_024;
/** What is read of an answer's body, in bytes; the connection of a longer one is given up. */
const READ_BYTES = 65_536;
/** Longest that an unused socket is kept, whatever the receiver offers, in milliseconds. */
const IDLE_SOCKET_MS = 30_000;

export interface DelivererOptions {
  readonly guard: AddressGuard;
  /** Goes into `user-agent: Llamero/<version>`. */
  readonly version: string;
  /** Default: false. */
  readonly allowHttp?: boolean;
  /** Default: as the operating system does. */
  readonly resolve?: Resolve;
  /** Default: 15000. */
  readonly timeoutMs?: number;
}

export interface Delivery {
  readonly url: string;
  /** The event's id: the same for every attempt. */
  readonly id: string;
  readonly body: Uint8Array;
  readonly secrets: SigningSecrets;
  /** When it is signed: receivers refuse what is minutes off. Milliseconds since the epoch. */
  readonly nowMs: number;
  /** The trace that it belongs to (W3C Trace Context). Default: null, to none. */
  readonly traceparent?: string | null;
}

export interface AttemptResult {
  readonly outcome: AttemptOutcome;
  /** null when no answer came. */
  readonly status: number | null;
  readonly latencyMs: number;
  /** The first kilobyte of the answer's body, as text; empty when there was none. */
  readonly responseHead: string;
  /** null when it was delivered. */
  readonly error: AttemptError | null;
  /** What the receiver asked for; null: nothing. */
  readonly retryAfterMs: number | null;
}

/**
 * Sends webhooks. It owns its sockets: no proxy of the environment is used, no redirect is followed, and every address is checked
 * by the guard and then connected to, whatever DNS says in between.
 */
export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #agent: Agent;
  readonly #timeoutMs: number;
  readonly #sockets = new Set<Socket>();
  #closed = false;

  constructor(options: DelivererOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    const { guard } = options;
    const resolve = shareLookups(options.resolve ?? systemResolve);
    this.#agent = new Agent({
      factory: (origin) =>
        // A socket for each attempt under way: one that hangs delays no other at its origin, which may be somebody else's.
        new Pool(origin, {
          connect: pinnedConnector(new URL(origin), { guard, resolve, timeoutMs: this.#timeoutMs, sockets: this.#sockets }),
          allowH2: false,
          keepAliveMaxTimeout: IDLE_SOCKET_MS,
          // The attempt's own timer bounds both.
          headersTimeout: 0,
          bodyTimeout: 0,
        }),
    });
  }

  /**
   * Makes one attempt. It rejects for nothing that a receiver or the network does.
   * The status decides: once it is there, a body that is endless, cut off or garbage changes nothing but the log.
   */
  async deliver(delivery: Delivery): Promise<AttemptResult> {
    const started = performance.now();
    const signed = signHeaders(delivery);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(new DOMException("No answer in time.", "TimeoutError")), this.#timeoutMs);
    try {
      const answer = await this.#send(delivery, signed, timeout.signal).catch((error: unknown) => this.#failure(error));
      return { ...answer, latencyMs: Math.round(performance.now() - started) };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends all attempts (they come to `aborted`) and closes all sockets. Legal to call again. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const socket of this.#sockets) socket.destroy(new Error("The deliverer is closed."));
    await this.#agent.destroy();
  }

  async #send(
    { url, body, nowMs, traceparent }: Delivery,
    signed: object,
    signal: AbortSignal,
  ): Promise<Omit<AttemptResult, "latencyMs">> {
    const sent = request(parseWebhookUrl(url, this.#options), {
      dispatcher: this.#agent,
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": `Llamero/${this.#options.version}`,
        ...(traceparent ? { traceparent } : {}),
        ...signed,
      },
      body,
      signal,
    });
    const { statusCode, headers, body: answer } = await Promise.race([sent, whenAborted(signal)]);
    const retryAfter = [headers["retry-after"]].flat()[0] ?? null;
    return {
      ...judgeStatus(statusCode),
      status: statusCode,
      responseHead: await readHead(answer),
      retryAfterMs: parseRetryAfter(retryAfter, nowMs),
    };
  }

  #failure(error: unknown): Omit<AttemptResult, "latencyMs"> {
    const none = { outcome: "failed", status: null, responseHead: "", retryAfterMs: null } as const;
    if (this.#closed) return { ...none, error: attemptError("aborted") };
    return { ...none, error: error instanceof AppError ? attemptError("blocked") : judgeError(error) };
  }
}

/** undici tells of an abort only once the request has a socket; an attempt does not wait for that. */
function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Reads a body to its end, or to the limit, where its connection is given up. @returns its first bytes as text */
async function readHead(body: Dispatcher.ResponseData["body"]): Promise<string> {
  const head = Buffer.alloc(HEAD_BYTES);
  let kept = 0;
  let read = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      kept += chunk.copy(head, kept);
      read += chunk.length;
      if (read > READ_BYTES) break;
    }
  } catch {
    // The receiver broke off, or time is up: what came is the head.
  }
  // `stream` leaves out a character that the limit cut in two.
  return new TextDecoder().decode(head.subarray(0, kept), { stream: true });
}
