import { AppError } from "@llamero/core";
import type { RedisOptions } from "ioredis";
import { readAddresses } from "./node-address.ts";

const SENTINEL_PORT = 26_379;
const FORM = /^sentinel:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/@]+)\/([^/]+)(?:\/(\d+))?$/;

/** After so long a Sentinel that is away is asked again to tell of fail-overs, in milliseconds. */
const SENTINEL_AGAIN_MS = 1_000;

export type SentinelOptions = Pick<
  RedisOptions,
  "sentinels" | "name" | "username" | "password" | "db" | "failoverDetector" | "sentinelReconnectStrategy"
>;

/**
 * Reads `sentinel://user:password@host:26379,host2:26379/name/db`. User and password are the server's, and may be left out, as may
 * ports and `/db`.
 * @throws AppError `config_invalid`, without what the URL holds
 */
export function sentinelOptions(url: string): SentinelOptions {
  const [, username, password, hosts = "", name, db] = FORM.exec(url) ?? [];
  const sentinels = readAddresses(hosts, SENTINEL_PORT);
  if (sentinels === null || name === undefined) {
    const text =
      "REDIS_URL names no Sentinels that can be read: it must be sentinel://user:password@host:26379,host2:26379/name.";
    throw new AppError("config_invalid", text);
  }
  return {
    sentinels,
    name: decodeURIComponent(name),
    // A primary that hangs, or whose machine is gone, closes no connection: the Sentinels tell that it is one no more.
    failoverDetector: true,
    sentinelReconnectStrategy: () => SENTINEL_AGAIN_MS,
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(db === undefined ? {} : { db: Number(db) }),
  };
}
