import { connectRedis, createStore, type Store } from "@llamero/store";
import type { CliConfig } from "./run-command.ts";
import { runningRedisUrl } from "./running-redis.ts";

/** Who changes something by the command line, in the audit. */
export const CLI = "cli";

/** Works on the store that REDIS_URL or the data folder leads to. @throws AppError `redis_unavailable` */
export async function withStore<T>(
  { REDIS_URL, DATA_DIR, LLAMERO_PREFIX }: CliConfig,
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const redis = await connectRedis(REDIS_URL ?? runningRedisUrl(DATA_DIR), "commands");
  try {
    return await use(createStore({ redis, prefix: LLAMERO_PREFIX }));
  } finally {
    redis.disconnect();
  }
}
