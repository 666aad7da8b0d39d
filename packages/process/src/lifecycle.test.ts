import { expect, test } from "vitest";
import { Lifecycle } from "./lifecycle.ts";

test("closes in reverse order, one after the other", async () => {
  const closed: string[] = [];
  const lifecycle = new Lifecycle();
  lifecycle.defer("redis", () => closed.push("redis"));
  lifecycle.defer("server", async () => {
    await Promise.resolve();
    closed.push("server");
  });
  expect(await lifecycle.close()).toEqual([]);
  expect(closed).toEqual(["server", "redis"]);
});

test("closes once when it is closed twice", async () => {
  let count = 0;
  const lifecycle = new Lifecycle();
  lifecycle.defer("server", () => {
    count += 1;
  });
  await Promise.all([lifecycle.close(), lifecycle.close()]);
  expect(count).toBe(1);
});

test("closes the rest when one fails, and reports the failure by name", async () => {
  const closed: string[] = [];
  const error = new Error("stuck");
  const lifecycle = new Lifecycle();
  lifecycle.defer("redis", () => closed.push("redis"));
  lifecycle.defer("server", () => Promise.reject(error));
  expect(await lifecycle.close()).toEqual([{ name: "server", error }]);
  expect(closed).toEqual(["redis"]);
});

test("closes at once what is deferred after closing began", async () => {
  const closed: string[] = [];
  const lifecycle = new Lifecycle();
  await lifecycle.close();
  lifecycle.defer("late", () => closed.push("late"));
  expect(closed).toEqual(["late"]);
});

test("names what is being closed", async () => {
  const lifecycle = new Lifecycle();
  const release = Promise.withResolvers<void>();
  lifecycle.defer("server", () => release.promise);
  const closed = lifecycle.close();
  expect(lifecycle.closing).toBe("server");
  release.resolve();
  await closed;
  expect(lifecycle.closing).toBeNull();
});
