export { type LlameroProcess, type LogEntry, startLlamero } from "./llamero-process.ts";
export { startRedis, type TestRedis } from "./redis-server.ts";
