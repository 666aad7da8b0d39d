import type { Metrics } from "../metrics/metrics.ts";
import type { Health } from "./health.ts";

const EVERY_MS = 1_000;
/** Without an answer for this long Redis counts as lost, in milliseconds. */
const LOST_MS = 3_000;

export interface RedisProbeOptions {
  /** Rejects when Redis does not answer. */
  ping: () => Promise<void>;
  metrics: Pick<Metrics, "observe" | "set">;
  health: Pick<Health, "check">;
  /** Milliseconds from whenever on. Default: `performance.now`. */
  now?: () => number;
}

/** Asks Redis every second how it is: for its metrics, and for `/readyz`, which waits for nothing then. */
export function startRedisProbe({ ping, metrics, health, now = () => performance.now() }: RedisProbeOptions): {
  stop(): void;
} {
  let answeredAt = now();
  let isAsking = false;
  const ask = async () => {
    // A question that is not answered is not asked again on top.
    if (isAsking) return;
    isAsking = true;
    const askedAt = now();
    try {
      await ping();
      answeredAt = now();
      metrics.observe("llamero_redis_ping_seconds", {}, (answeredAt - askedAt) / 1_000);
      metrics.set("llamero_redis_up", {}, 1);
    } catch {
      // Whoever needs Redis says so; here it is enough that it has not answered.
      metrics.set("llamero_redis_up", {}, 0);
    } finally {
      isAsking = false;
    }
  };
  const look = () => {
    if (isAsking && now() - answeredAt > LOST_MS) metrics.set("llamero_redis_up", {}, 0);
    void ask();
  };
  health.check("redis", () => {
    const silentMs = now() - answeredAt;
    return silentMs > LOST_MS ? `has not answered for ${Math.round(silentMs / 1_000)} seconds` : null;
  });
  const timer = setInterval(look, EVERY_MS);
  look();
  return { stop: () => clearInterval(timer) };
}
