import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AppError } from "@llamero/core";
import { RedisReplyError, redisCall } from "./redis-call.ts";

/** Milliseconds that a Redis may take to answer its first command. */
const answerDeadlineMs = 5000;
const defaultPort = 6379;

/**
 * Checks that the Redis of REDIS_URL answers and lets this user in.
 *
 * @throws AppError `redis_start_failed`, without the URL's password in its message.
 */
export async function requireRedis(redisUrl: string): Promise<void> {
  // Which server that is only Sentinels or a cluster's nodes know; the processes ask them.
  if (/^(sentinel|clusters?):/.test(redisUrl)) return;
  const url = new URL(redisUrl);
  const place = url.protocol === "unix:" ? url.pathname : url.host;
  const socket = open(url);
  socket.setTimeout(answerDeadlineMs, () => socket.destroy(new Error(`no answer within ${answerDeadlineMs} ms`)));
  try {
    if (url.password !== "") await redisCall(socket, ["AUTH", ...credentials(url)]);
    await redisCall(socket, ["PING"]);
  } catch (error) {
    throw new AppError("redis_start_failed", complaint(place, error), { cause: error });
  } finally {
    socket.destroy();
  }
}

function open(url: URL): Socket {
  if (url.protocol === "unix:") return connectTcp(decodeURIComponent(url.pathname));
  const address = { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || defaultPort) };
  return url.protocol === "rediss:" ? connectTls({ ...address, servername: address.host }) : connectTcp(address);
}

function credentials(url: URL): string[] {
  const password = decodeURIComponent(url.password);
  return url.username === "" ? [password] : [decodeURIComponent(url.username), password];
}

function complaint(place: string, error: unknown): string {
  const reason = error instanceof Error ? ("code" in error ? String(error.code) : error.message) : String(error);
  const verb = error instanceof RedisReplyError ? "refuses" : "does not answer";
  return [
    `The Redis of REDIS_URL (${place}) ${verb}: ${reason}.`,
    "Start it or correct REDIS_URL; without REDIS_URL, npm start runs a Redis of its own.",
  ].join("\n");
}
