import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import type { Draft } from "./draft.ts";

/** What came back. */
export interface Answer {
  status: number;
  headers: Readonly<Record<string, string>>;
  text: string;
  /** From the first byte sent to the last one received. */
  tookMs: number;
}

/** The text's bytes as Node's client takes them, a character for each; those that it does not send are left out. */
function sendable(text: string, lowest: " " | "!"): string {
  const characters = Array.from(Buffer.from(text).toString("latin1"));
  return characters.filter((character) => character >= lowest && character !== "\x7f").join("");
}

function targetOf({ path, query }: Draft): string {
  const search = query.map(([name, value]) => (value === "" ? name : `${name}=${value}`)).join("&");
  return sendable(search === "" ? path : `${path}?${search}`, "!");
}

function headersOf({ headers, body }: Draft, host: string): string[] {
  const names = new Set(headers.map(([name]) => name));
  const added = [
    ...(names.has("host") ? [] : [["host", host]]),
    ...(body === null || names.has("content-length") || names.has("transfer-encoding")
      ? []
      : [["content-length", String(body.byteLength)]]),
  ];
  return [...headers, ...added].flatMap(([name = "", value = ""]) => [name, sendable(value, " ")]);
}

const isStream = (response: IncomingMessage) => response.headers["content-type"]?.startsWith("text/event-stream") === true;

/** Resolves with the answer, of a stream with its head. @throws Error when none comes, or not within `limitMs` */
export function sendDraft(url: URL, draft: Draft, limitMs: number): Promise<Answer> {
  // A connection for each: what one request leaves unread must not be taken for the next. It is not announced to end with the answer,
  // or the server ends it while a body that it has refused is still on its way.
  const options: RequestOptions = {
    method: draft.method,
    path: targetOf(draft),
    headers: headersOf(draft, url.host),
    agent: new Agent({ keepAlive: true }),
  };
  const startedAt = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(url, options, (response) => {
    const answer = (body: string) =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers as Record<string, string>,
        text: body,
        tookMs: performance.now() - startedAt,
      });
    if (isStream(response)) answer("");
    else text(response).then(answer, reject);
  });
  // Ended with a reset, so that no port is left that waits for its time to be over; the request lets go of it with the answer.
  let socket: Socket | null = null;
  sent.once("socket", (connection: Socket) => {
    socket = connection;
  });
  const timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  // An answer may come before all of the body is sent; what the connection says after that is of no interest.
  sent.on("error", reject);
  sent.end(draft.body ?? undefined);
  return promise.finally(() => {
    clearTimeout(timer);
    sent.on("error", () => {});
    socket?.resetAndDestroy();
    // The reset waits for what is still to be written, which nobody may read any more.
    (socket ?? sent).destroy();
  });
}
