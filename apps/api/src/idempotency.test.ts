import { expect, it } from "vitest";
import { idempotencyOf } from "./idempotency.ts";

const withKey = (key: string) => new Headers({ "idempotency-key": key });

it("is null without the header", () => {
  expect(idempotencyOf(new Headers(), {})).toBeNull();
});

it("takes 1 to 255 visible ASCII characters for a key", () => {
  for (const key of ["a", "order:1/2", "~!@#", "x".repeat(255)]) expect(idempotencyOf(withKey(key), {})).not.toBeNull();
  for (const key of ["", "a b", "é", "x".repeat(256), "a\tb"])
    expect(() => idempotencyOf(withKey(key), {})).toThrow(
      expect.objectContaining({ code: "invalid_request", param: "Idempotency-Key" }),
    );
});

it("is the same for bodies that say the same, and another for another key, part or body", () => {
  const one = idempotencyOf(withKey("a"), { x: 1, y: 2 });
  expect(idempotencyOf(withKey("a"), { y: 2, x: 1 })).toEqual(one);
  expect(idempotencyOf(withKey("b"), { x: 1, y: 2 })?.key).not.toBe(one?.key);
  expect(idempotencyOf(withKey("a"), { x: 1, y: 2 }, " 1")?.key).not.toBe(one?.key);
  expect(idempotencyOf(withKey("a"), { x: 1, y: 3 })?.bodyHash).not.toBe(one?.bodyHash);
});
