import { AppError } from "@llamero/core";
import OpenAI from "openai";
import { Agent, fetch as undiciFetch } from "undici";
import type { RemoteSource } from "./remote-source.ts";

/** Until a connection stands, in milliseconds. */
const CONNECT_MS = 10_000;
/** Servers close idle connections; one that is used again just then breaks, so ours end first. In milliseconds. */
const IDLE_MS = 4_000;

/** A client of a server, with its connections. */
export interface Connection {
  client: OpenAI;
  close(): Promise<void>;
}

/** @throws AppError `config_invalid` when the variable that should have the server's key is not set */
export function connect(source: RemoteSource, env: Readonly<Record<string, string | undefined>>): Connection {
  const { name, url, slots, keyVariable, silentSeconds } = source;
  const key = keyVariable === null ? "none" : env[keyVariable];
  if (!key) throw new AppError("config_invalid", `${name} wants its API key in ${keyVariable}, which is not set.`);
  const silentMs = silentSeconds * 1_000;
  const dispatcher = new Agent({
    connections: slots,
    connect: { timeout: CONNECT_MS },
    keepAliveTimeout: IDLE_MS,
    headersTimeout: silentMs,
    bodyTimeout: silentMs,
  });
  const client = new OpenAI({
    baseURL: url,
    apiKey: key,
    organization: null,
    project: null,
    // What has failed goes back to the queue, and the breaker knows of it.
    maxRetries: 0,
    // The dispatcher's are the times that count: this one would end a long answer that comes all the while.
    timeout: 2 ** 31 - 1,
    logLevel: "off",
    // The dispatcher of one undici does not fit the fetch of another, such as Node's own.
    fetch: ((input: string, init: object) => undiciFetch(input, { ...init, dispatcher })) as unknown as typeof fetch,
  });
  return { client, close: () => dispatcher.destroy() };
}
