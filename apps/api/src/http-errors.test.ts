import { AppError, errorCodes } from "@llamero/core";
import { describe, expect, it } from "vitest";
import { errorAnswer, errorSchema } from "./http-errors.ts";

const SECRET = "secret: /srv/app.ts:5 at Object.<anonymous>";

describe.each(errorCodes)("%s", (code) => {
  const error = new AppError(code, SECRET, { param: "field", cause: new Error("deeper secret") });
  const { status, body, headers } = errorAnswer(error);
  const { kind } = error;

  it("has the status that its kind calls for, in the envelope", () => {
    expect(errorSchema.parse(body)).toEqual(body);
    if (kind === "request" || kind === "state") expect(status).toBeGreaterThanOrEqual(400);
    if (kind === "request" || kind === "state") expect(status).toBeLessThan(500);
    if (kind === "capacity") expect([429, 503]).toContain(status);
    // What an operator has put in is neither the caller's fault nor our defect.
    const isOurs = kind === "attempt" || kind === "startup" || kind === "internal";
    if (isOurs) expect(status).toBe(code === "hook_failed" ? 502 : 500);
  });

  it("says what happened only when it is not our defect", () => {
    if (status === 500) expect(body.error).toMatchObject({ code: "internal_error", param: null, type: "server_error" });
    else expect(body.error).toMatchObject({ code, param: "field", message: SECRET });
    if (status === 500) expect(JSON.stringify(body)).not.toContain("secret");
    expect(JSON.stringify(body)).not.toContain("deeper");
  });

  it("tells clients whether and when to try again", () => {
    expect(headers["retry-after"]).toBe(kind === "capacity" ? "2" : undefined);
    expect("www-authenticate" in headers).toBe(status === 401);
    expect(headers["x-should-retry"]).toBe(status === 408 || status === 409 ? "false" : undefined);
  });
});

it("says when another try makes sense where that is known", () => {
  const { headers } = errorAnswer(new AppError("backlog_full", "Too many jobs wait.", { retryAfterSeconds: 40 }));
  expect(headers["retry-after"]).toBe("40");
});

it.each([new TypeError(SECRET), SECRET, null, undefined, { message: SECRET, status: 418, stack: SECRET }])(
  "says nothing of %s",
  (thrown) => {
    const { status, body } = errorAnswer(thrown);
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain("secret");
  },
);
