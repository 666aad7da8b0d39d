import { startRedis, type TestRedis } from "@llamero/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { llamero as commandLine } from "./command-line.ts";

let redis: TestRedis;
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  process.exitCode = 0;
  await redis.close();
});

const llamero = (...words: string[]) => commandLine(redis.url, ...words);

test("creates a key that is shown once, lists it without the key, and revokes it", async () => {
  const created = await llamero("keys", "create", "--owner", "alice", "--name", "laptop");
  const key = created.out.trim();
  expect(key).toMatch(/^llm_[0-9a-f]{12}_[A-Za-z0-9_-]{32}$/);
  const id = key.slice(4, 16);

  const listed = await llamero("keys", "list");
  expect(listed.out).toMatch(new RegExp(`${id} +alice +laptop +submit,read +no limits +\\d{4}-\\d\\d-\\d\\d$`, "m"));
  expect(listed.out).not.toContain(key);

  await llamero("keys", "revoke", id);
  const after = await llamero("keys", "list");
  expect(after.out).toMatch(new RegExp(`${id} +alice +laptop +submit,read +no limits +\\S+ +\\d{4}-\\d\\d-\\d\\d$`, "m"));
});

test("makes a key that may other things and expires, and gives it another secret", async () => {
  const created = await llamero("keys", "create", "--owner", "ops", "--scopes", "admin, read_all", "--expires-in", "90d");
  const id = created.out.slice(4, 16);
  expect((await llamero("keys", "list")).out).toMatch(
    new RegExp(`${id} +ops +admin,read_all +no limits +\\S{10} +\\S{10}$`, "m"),
  );
  const rotated = await llamero("keys", "rotate", id, "--previous-valid", "0m");
  expect(rotated.out).toMatch(new RegExp(`^llm_${id}_`));
  expect(rotated.out).not.toBe(created.out);
  expect(rotated.err).toContain("good for 0m more");
});

test("limits a key, when it is made and later", async () => {
  const made = await llamero("keys", "create", "--owner", "alice", "--requests-per-minute", "60", "--max-waiting", "100");
  const id = made.out.slice(4, 16);
  expect((await llamero("keys", "list")).out).toContain("60 jobs/min, 100 waiting");
  expect((await llamero("keys", "limit", id, "--tokens-per-minute", "5000")).err).toBe(`Key ${id}: 5000 tokens/min.\n`);
  expect((await llamero("keys", "list")).out).toContain("  5000 tokens/min  ");
});

test.each([
  [["--requests-per-minute", "many"], /--requests-per-minute takes a whole number above 0/],
  [["--scopes", "write"], /--scopes takes a comma-separated list of submit, read, read_all, admin/],
  [["--expires-in", "soon"], /--expires-in takes a time such as 90d, 12h or 30m, not "soon"/],
])("says what is wrong with %j", async (flags, message) => {
  expect((await llamero("keys", "create", "--owner", "alice", ...flags)).err).toMatch(message);
  expect(process.exitCode).toBe(1);
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
