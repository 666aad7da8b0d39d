import { expect, test } from "vitest";
import { explainRedisFailure, redisArguments } from "./redis-server.ts";

test("keeps an empty save list as an argument of its own", () => {
  const args = redisArguments({ folder: "/data/redis", socket: "/run/redis.sock" });
  expect(args.slice(args.indexOf("--save"), args.indexOf("--save") + 2)).toEqual(["--save", ""]);
});

test.each([
  [
    "# Bad file format reading the append only file appendonly.aof.1.incr.aof: make a backup",
    "redis-check-aof --fix '/data/redis/appendonlydir",
  ],
  ["# Can't open or create append-only dir appendonlydir: No space left on device", "The disk of /data/redis is full"],
  ["# Can't open the append-only file: Permission denied", "cannot read and write /data/redis"],
  ["# Something new", "did not start in /data/redis. Its last words were:\n# Something new"],
])("explains %j", (line, message) => {
  expect(explainRedisFailure("/data/redis", "redis-server", [line])).toMatchObject({
    code: "redis_start_failed",
    message: expect.stringContaining(message),
  });
});

test("names Valkey's own tool for Valkey", () => {
  expect(explainRedisFailure("/d", "valkey-server", ["AOF is corrupt"]).message).toContain("valkey-check-aof");
});
