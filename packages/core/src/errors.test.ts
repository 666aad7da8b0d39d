import { expect, test } from "vitest";
import { AppError, errorCodes, isErrorCode, toAppError } from "./errors.ts";

test("every code says whose move is next and whether trying again can help", () => {
  for (const code of errorCodes) {
    const error = new AppError(code, "x");
    expect(["request", "state", "capacity", "attempt", "startup", "internal"], code).toContain(error.kind);
    expect(typeof error.retryable, code).toBe("boolean");
    if (error.kind === "capacity") expect(error.retryable, code).toBe(true);
    if (error.kind === "request" || error.kind === "state") expect(error.retryable, code).toBe(false);
  }
});

test("knows its codes and none that every object has", () => {
  expect(errorCodes.every(isErrorCode)).toBe(true);
  for (const name of ["", "constructor", "__proto__", "toString", "hasOwnProperty", "Invalid_request"])
    expect(isErrorCode(name), name).toBe(false);
});

test("carries message, field and cause", () => {
  const cause = new Error("socket closed");
  const error = new AppError("redis_unavailable", "Try again.", { cause });
  expect(error).toMatchObject({ name: "AppError", message: "Try again.", code: "redis_unavailable", param: null, cause });
  expect(new AppError("invalid_request", "x", { param: "prompt" }).param).toBe("prompt");
  expect("cause" in new AppError("invalid_request", "x")).toBe(false);
});

test("wraps foreign errors and leaves its own as they are", () => {
  const own = new AppError("model_not_found", "x");
  expect(toAppError(own, "internal_error", "y")).toBe(own);
  const foreign = new TypeError("secret detail");
  const wrapped = toAppError(foreign, "internal_error", "Something failed.");
  expect(wrapped).toMatchObject({ code: "internal_error", message: "Something failed.", cause: foreign });
  expect(wrapped.message).not.toContain("secret");
  expect(toAppError("thrown text", "internal_error", "y").cause).toBe("thrown text");
});
