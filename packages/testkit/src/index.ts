export { freePort } from "./free-port.ts";
export { Gbnf } from "./gbnf.ts";
export { isAlive } from "./is-alive.ts";
export { type LlameroProcess, type LogEntry, startLlamero } from "./llamero-process.ts";
export { type Random, seededRandom } from "./random.ts";
export { type RedisFleet, startRedisFleet } from "./redis-fleet.ts";
export { startRedis, type TestRedis } from "./redis-server.ts";
export { tinyEntry } from "./tiny-entry.ts";
export { type ReceivedWebhook, type WebhookAnswer, WebhookReceiver } from "./webhook-receiver.ts";
