import { allSettings, type Env, parseEnv } from "@llamero/process";
import type { z } from "zod";

/**
 * The configuration of everything that `llamero dev` starts, so that all mistakes show before anything runs. A missing
 * REDIS_URL means a Redis of its own.
 *
 * @throws AppError `config_invalid`
 */
export function parseDevEnv(env: Env): DevConfig {
  return parseEnv(devSettings(), env);
}

export type DevConfig = z.output<ReturnType<typeof devSettings>>;

function devSettings() {
  const settings = allSettings();
  const redisUrl = settings.shape.REDIS_URL;
  return settings.extend({
    REDIS_URL: redisUrl
      .unwrap()
      .optional()
      .meta(redisUrl.meta() ?? {}),
  });
}
