import { readFileSync } from "node:fs";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { documentedRights, startTlsRedis, type TlsRedis } from "@llamero/testkit";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { connectRedis, createStore, requireServer } from "../src/index.ts";
import { sampleJob } from "./harness.ts";

const known = getCACertificates();
let server: TlsRedis;
let admin: Redis;
beforeAll(async () => {
  server = await startTlsRedis();
  admin = await connectRedis(server.server.url, "commands");
});
afterEach(() => setDefaultCACertificates(known));
afterAll(async () => {
  admin.disconnect();
  await server.close();
});

const refusal = (url: string) => connectRedis(url, "worker").catch((error: unknown) => error);
/** Believes the server's authority, as NODE_EXTRA_CA_CERTS makes a process do at its start. */
const trust = (tls: TlsRedis) => setDefaultCACertificates([...known, readFileSync(tls.caFile, "utf8")]);

test("a server whose authority nobody knows is not believed, and the message says so", async () => {
  expect(await refusal(`rediss://127.0.0.1:${server.port}`)).toMatchObject({
    code: "redis_unavailable",
    message: expect.stringMatching(/certificate/),
  });
});

test("a wrong password is refused as such, without being shown", async () => {
  trust(server);
  const error = await refusal(`rediss://llamero:hunter2@127.0.0.1:${server.port}`);
  expect(error).toMatchObject({ code: "config_invalid", message: expect.stringMatching(/refuses: WRONGPASS/) });
  expect(String(error)).not.toContain("hunter2");
});

/** With a second password, which has to be encoded in a URL. */
const rights = [...documentedRights(), ">p@ss/"];
test.each([
  ["INFO", ["-info"], "info"],
  ["the functions", ["-fcall"], "fcall"],
  ["what a script calls", ["-hset"], "executing the script"],
  ["the keys", ["resetkeys", "~other:*"], "keys"],
])("a user who lacks %s is told so, and where the rights are written down", async (_name, without, says) => {
  trust(server);
  await admin.call("ACL", "SETUSER", "llamero", "reset", ...rights, ...without);
  const redis = await connectRedis(`rediss://llamero:p%40ss%2F@127.0.0.1:${server.port}`, "commands");
  const accept = async () => {
    await requireServer(redis);
    await createStore({ redis, prefix: "llamero" }).accept(sampleJob({ slug: "tiny" }));
  };
  await expect(accept().finally(() => redis.disconnect())).rejects.toMatchObject({
    code: "config_invalid",
    message: expect.stringMatching(new RegExp(`^Redis does not let this user .*${says}.*docs/operations.md`)),
  });
});

test("a cluster is reached over TLS, with user and password, also when its node does not know its own address", async () => {
  const node = await startTlsRedis(["--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port", "0"]);
  const own = await connectRedis(node.server.url, "commands");
  try {
    trust(node);
    await own.call("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
    await own.call("ACL", "SETUSER", "llamero", ...rights, "+cluster|slots");
    // A new cluster takes nothing for two seconds.
    const redis = await connectRedis(`clusters://llamero:p%40ss%2F@127.0.0.1:${node.port}`, "worker");
    const store = createStore({ redis, prefix: "llamero" });
    expect((await store.accept(sampleJob({ slug: "tiny" })).finally(() => redis.disconnect())).outcome).toBe("accepted");
    await own.call("ACL", "SETUSER", "llamero", "-cluster|slots");
    expect(await refusal(`clusters://llamero:p%40ss%2F@127.0.0.1:${node.port}`)).toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("cluster|slots"),
    });
  } finally {
    own.disconnect();
    await node.close();
  }
});
