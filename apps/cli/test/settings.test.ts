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
const settings = (...words: string[]) => commandLine(redis.url, "settings", ...words);
const MADE = String.raw`, made \d{4}-\d\d-\d\dT[\d:.]+Z by cli`;

test("shows that nothing is set, sets, takes back, tells what was before, and brings it back", async () => {
  expect((await settings("show")).out).toBe("version 0\n");
  expect((await settings("set", "max_waiting=500", "weights.acme=3", "log_level=debug")).out).toMatch(
    new RegExp(`^version 1${MADE}\n  log_level=debug\n  max_waiting=500\n  weights.acme=3\n$`),
  );
  expect((await settings("set", "weights.acme=default", "max_waiting=default")).out).toMatch(
    new RegExp(`^version 2${MADE}\n  log_level=debug\n$`),
  );
  expect((await settings("rollback", "1")).out).toMatch(
    new RegExp(`^version 3${MADE}, as version 1 was\n  log_level=debug\n  max_waiting=500\n  weights.acme=3\n$`),
  );
  expect((await settings("history")).out.match(/^version \d/gm)).toEqual(["version 3", "version 2", "version 1"]);
});

test("sets what names of models stand for, whatever is in the names", async () => {
  const canary = '{"targets":[{"model":"a","weight":95},{"model":"b","weight":5}]}';
  expect((await settings("set", "aliases.gpt-4.1=qwen3", `aliases.chat=${canary}`)).out).toMatch(
    new RegExp(`^version 1${MADE}\n  aliases\\.gpt-4\\.1=qwen3\n  aliases\\.chat=`),
  );
  expect((await settings("show")).out).toContain(`aliases.chat=${canary}`);
  expect((await settings("set", "aliases.gpt-4.1=default", "aliases.chat=default")).out).toMatch(
    new RegExp(`^version 2${MADE}\n$`),
  );
});

test.each([
  ["aliases.a={", "The value { is not valid JSON"],
  ["max_waiting", '"max_waiting" is not name=value, such as max_waiting=500 or weights.acme=3.'],
  ["max_waiting=0", "max_waiting: Too small"],
  ["colour=red", 'Unrecognized key: "colour"'],
  ["log_level=loud", "log_level: Invalid option"],
  ["aliases.a=7", "docs/sharing.md lists the settings."],
  ["weights.acme=-1", "weights.acme: Too small"],
])("says what is wrong with %s", async (assignment, message) => {
  const { err } = await settings("set", assignment);
  expect(err).toContain(message);
  expect(process.exitCode).toBe(1);
});

test("says that there is no such version", async () => {
  expect((await settings("rollback", "7")).err).toContain("There is no version 7 of the settings among the last hundred.");
  expect((await settings("rollback", "x")).err).toContain('A version is a whole number, not "x".');
});
