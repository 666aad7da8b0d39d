export { startRedis, type TestRedis } from "./redis-server.ts";
