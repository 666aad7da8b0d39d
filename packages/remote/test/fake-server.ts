import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  path: string;
  headers: IncomingMessage["headers"];
  body: Record<string, unknown>;
}
export type Answering = (asked: Asked, response: ServerResponse) => void;

/** A server that answers as a test says, for what real ones do when something is wrong with them. */
export interface FakeServer {
  url: string;
  asked: Asked[];
  /** Connections that it has taken. */
  connections: () => number;
  answer: (answering: Answering) => void;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startFakeServer(): Promise<FakeServer> {
  const asked: Asked[] = [];
  let answering: Answering = (_asked, response) => void response.writeHead(500).end();
  let connections = 0;
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString();
    const entry = { path: request.url ?? "", headers: request.headers, body: text === "" ? {} : JSON.parse(text) };
    asked.push(entry);
    answering(entry, response);
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    asked,
    connections: () => connections,
    answer: (next) => {
      answering = next;
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

export function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** Events of a streamed chat; null ends it as it should end. */
export function stream(response: ServerResponse, events: readonly (object | null)[]): void {
  if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events) response.write(`data: ${event === null ? "[DONE]" : JSON.stringify(event)}\n\n`);
  if (events.at(-1) === null) response.end();
}

export const delta = (content: string, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta: { content }, finish_reason }],
});
