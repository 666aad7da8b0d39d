import { startRedis, type TestRedis } from "@llamero/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createProgram } from "../src/program.ts";

let redis: TestRedis;
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  process.exitCode = 0;
  await redis.close();
});

/** Runs `llamero …` and gives what it wrote. */
async function llamero(...words: string[]): Promise<{ out: string; err: string }> {
  const text = { out: "", err: "" };
  const writer = (name: "out" | "err") => ({
    write: (chunk: string) => {
      text[name] += chunk;
    },
  });
  const program = createProgram({ env: { REDIS_URL: redis.url }, entry: "", out: writer("out"), err: writer("err") });
  await program.parseAsync(words, { from: "user" });
  return text;
}

test("creates a key that is shown once, lists it without the key, and revokes it", async () => {
  const created = await llamero("keys", "create", "--owner", "alice", "--name", "laptop");
  const key = created.out.trim();
  expect(key).toMatch(/^llm_[0-9a-f]{12}_[A-Za-z0-9_-]{32}$/);
  const id = key.slice(4, 16);

  const listed = await llamero("keys", "list");
  expect(listed.out).toMatch(new RegExp(`${id} +alice +laptop +\\d{4}-\\d\\d-\\d\\d$`, "m"));
  expect(listed.out).not.toContain(key);

  await llamero("keys", "revoke", id);
  const after = await llamero("keys", "list");
  expect(after.out).toMatch(new RegExp(`${id} +alice +laptop +\\S+ +\\d{4}-\\d\\d-\\d\\d$`, "m"));
});

test("says what is wrong with an owner and with an unknown key, and exits 1", async () => {
  expect((await llamero("keys", "create", "--owner", "a:b")).err).toMatch(/--owner must be 1 to 64/);
  expect(process.exitCode).toBe(1);
  expect((await llamero("keys", "revoke", "0123456789ab")).err).toMatch(/no key 0123456789ab/);
});

test("says what to do when Redis does not answer", async () => {
  await redis.kill();
  expect((await llamero("keys", "list")).err).toMatch(/does not answer/);
  expect(process.exitCode).toBe(1);
});
