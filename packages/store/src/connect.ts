import { AppError } from "@llamero/core";
import calculateSlot from "cluster-key-slot";
import { Redis, type RedisOptions } from "ioredis";
import { clusterOptions } from "./cluster/cluster-connector.ts";
import { hashTag } from "./keys.ts";
import { sentinelOptions } from "./sentinel-url.ts";

/**
 * What a connection is for, which decides how it fails.
 * `commands` fails fast, so that an API can answer 503; `worker` waits for Redis to come back; `blocking` does too and is
 * for BullMQ's blocking reads and for subscriptions.
 */
export type ConnectionRole = "commands" | "worker" | "blocking";

/** Longest wait for one answer before Redis counts as hung, in milliseconds. */
const COMMAND_TIMEOUT_MS = 5_000;
/**
 * A connection on which something is asked and nothing said for so long is given up for another one: a router may have forgotten it,
 * and then nobody says that it is gone. Blocking reads wait for 10 s. Milliseconds.
 */
const SILENCE_MS = { commands: COMMAND_TIMEOUT_MS, worker: 8_000, blocking: 20_000 } as const;
const RECONNECT_MAX_MS = 1_000;

const patient = { maxRetriesPerRequest: null, autoResendUnfulfilledCommands: true } as const;
const roles = {
  commands: {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SILENCE_MS.commands,
  },
  worker: { ...patient, socketTimeout: SILENCE_MS.worker },
  blocking: { ...patient, socketTimeout: SILENCE_MS.blocking },
} satisfies Record<ConnectionRole, RedisOptions>;

type Options = Omit<RedisOptions, "replyMapping">;

/** The cell that an address is of: there is one. */
const CELL = 0;

const isCluster = (url: string) => /^clusters?:/.test(url);

/** `redis://`, `rediss://`, `unix:///path/to.sock`, `sentinel://host,host/name`, `cluster://host,host` and `clusters://host,host`. */
function create(url: string, options: Options): Redis {
  if (url.startsWith("unix://")) return new Redis(url.slice("unix://".length), options);
  if (url.startsWith("sentinel://")) return new Redis({ ...options, ...sentinelOptions(url) });
  if (isCluster(url)) return new Redis({ ...options, ...clusterOptions(url, calculateSlot(`{${hashTag(CELL)}}`)) });
  return new Redis(url, options);
}

/** A server that has become a replica is left, for the one that took its place: a command on it would fail for ever. */
const demoted = /^READONLY /;
/** So is a node of a cluster that has the slot no more, or gives it away, or has lost touch with the others. */
const notOwner = /^(READONLY|MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /;
/** What ioredis is to do after an error: reconnect, and send the command again or not. */
const RECONNECT = { andFail: 1, andResend: 2 } as const;

/** The address as it may be shown: without user and password. */
export function shownUrl(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}

/** What another try does not change: wrong password, too few rights, no cluster. */
const refused = /^(WRONGPASS|NOAUTH|NOPERM) |^ERR (AUTH |This instance has cluster support disabled)/;

/** Why there is no connection, as the operator can use it. */
function noConnection(url: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const { message, code = "" }: NodeJS.ErrnoException = cause instanceof Error ? cause : new Error(String(cause));
  const server = `Redis at ${shownUrl(url)}`;
  if (refused.test(message))
    return new AppError("config_invalid", `${server} refuses: ${message}. Correct REDIS_URL.`, { cause });
  // Where several addresses were tried the message is empty.
  return new AppError("redis_unavailable", `${server} does not answer: ${message || code}. Start it, or set REDIS_URL.`, {
    cause,
  });
}

/**
 * Opens a connection and waits until Redis answers on it.
 * @throws AppError `redis_unavailable` when the first connection fails, `config_invalid` for an address that cannot be read and for a
 * Redis that refuses
 */
export async function connectRedis(url: string, role: ConnectionRole): Promise<Redis> {
  const isMoved = isCluster(url) ? notOwner : demoted;
  const redis = create(url, {
    ...roles[role],
    lazyConnect: true,
    // BullMQ develops against RESP2, and stream replies differ in RESP3.
    protocol: 2,
    reconnectOnError: ({ message }) => isMoved.test(message) && (role === "commands" ? RECONNECT.andFail : RECONNECT.andResend),
    retryStrategy: (attempt) => Math.min(RECONNECT_MAX_MS, 50 * 2 ** Math.min(attempt, 5)),
  });
  // Every caller sees its own command fail; without a listener the emitter would end the process.
  let reason: unknown = null;
  redis.on("error", (error) => {
    reason = error;
  });
  try {
    await redis.connect();
    // For duplicates, such as BullMQ's blocking one: a lazy client's first connection is given up when it breaks, and a worker
    // that started at that moment would never pull.
    redis.options.lazyConnect = false;
    return redis;
  } catch (cause) {
    redis.disconnect();
    throw noConnection(url, reason ?? cause);
  }
}
