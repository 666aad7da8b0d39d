import { Code } from "@connectrpc/connect";
import { AppError, errorCodes, httpStatus } from "@llamero/core";
import { describe, expect, it, test } from "vitest";
import { grpcCode } from "./codes.ts";

/** What a status of gRPC means over HTTP, by google.rpc.Code, and 409 for what HTTP calls a conflict. */
const statusesOf: Partial<Record<Code, readonly number[]>> = {
  [Code.InvalidArgument]: [400, 415],
  [Code.Unauthenticated]: [401],
  [Code.PermissionDenied]: [403],
  [Code.NotFound]: [404],
  [Code.Unimplemented]: [404, 405],
  [Code.DeadlineExceeded]: [408],
  [Code.Canceled]: [409],
  [Code.AlreadyExists]: [409],
  [Code.Aborted]: [409],
  [Code.FailedPrecondition]: [409],
  [Code.ResourceExhausted]: [409, 413, 429],
  [Code.Unavailable]: [503],
  [Code.Internal]: [500, 502],
};

describe.each(errorCodes)("%s", (code) => {
  it("says the same over gRPC as over HTTP", () => {
    expect(statusesOf[grpcCode(code)]).toContain(httpStatus(code));
  });

  it("is one that clients try again by themselves only where another try can succeed", () => {
    if (grpcCode(code) === Code.Unavailable) expect(new AppError(code, "").retryable).toBe(true);
  });
});

test("what waits for a limit is not tried again at once", () => {
  const limits = errorCodes.filter((code) => httpStatus(code) === 429);
  expect(new Set(limits.map(grpcCode))).toEqual(new Set([Code.ResourceExhausted]));
});
