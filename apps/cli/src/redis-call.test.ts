import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RedisReplyError, redisCall } from "./redis-call.ts";

let server: Server;
let client: Socket;
let peer: Socket;

beforeEach(async () => {
  server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const accepted = once(server, "connection");
  client = connect(address.port, "127.0.0.1");
  [peer] = await accepted;
});

afterEach(async () => {
  client.destroy();
  peer.destroy();
  server.close();
  await once(server, "close");
});

test("sends a command as an array of bulk strings", async () => {
  const reply = redisCall(client, ["AUTH", "pä"]);
  const [sent] = await once(peer, "data");
  expect(String(sent)).toBe("*2\r\n$4\r\nAUTH\r\n$3\r\npä\r\n");
  peer.write("+OK\r\n");
  expect(await reply).toBe("OK");
});

test("puts a reply together from its pieces", async () => {
  const reply = redisCall(client, ["INFO"]);
  peer.write("$9\r\nredis_");
  await once(client, "data");
  peer.write("v:7\r\n");
  expect(await reply).toBe("redis_v:7");
});

test("rejects with what Redis complains about", async () => {
  const reply = redisCall(client, ["PING"]);
  peer.write("-LOADING Redis is loading the dataset in memory\r\n");
  await expect(reply).rejects.toThrow(RedisReplyError);
});

test("rejects when the connection ends without a reply", async () => {
  const reply = redisCall(client, ["PING"]);
  peer.end();
  await expect(reply).rejects.toThrow("closed the connection");
});
