import { errors } from "undici";
import { describe, expect, test } from "vitest";
import { AddressRefused } from "./address-guard.ts";
import { judgeError, judgeStatus } from "./outcome.ts";

describe("a status", () => {
  test.each([200, 201, 204, 299])("%i is a delivery", (status) => {
    expect(judgeStatus(status)).toEqual({ outcome: "delivered", error: null });
  });
  test("410 ends all deliveries", () => {
    expect(judgeStatus(410)).toMatchObject({ outcome: "gone", error: { code: "gone" } });
  });
  test.each([300, 301, 302, 303, 304, 307, 308, 399])("%i is a redirect, which is a failure", (status) => {
    expect(judgeStatus(status)).toMatchObject({ outcome: "failed", error: { code: "redirect" } });
  });
  test.each([100, 199, 400, 401, 404, 409, 411, 429, 500, 502, 503, 504, 599, 999])("%i is a failure", (status) => {
    expect(judgeStatus(status)).toMatchObject({ outcome: "failed", error: { code: "http_status" } });
  });
});

describe("an error", () => {
  const coded = (code: string, message = "x") => Object.assign(new Error(message), { code });
  test.each<[string, unknown]>([
    ["dns", coded("ENOTFOUND")],
    ["dns", coded("EAI_AGAIN")],
    ["refused", coded("ECONNREFUSED")],
    ["refused", new AggregateError([coded("ECONNREFUSED"), coded("ENETUNREACH")])],
    ["unreachable", coded("EHOSTUNREACH")],
    ["reset", coded("ECONNRESET")],
    ["reset", new errors.SocketError("other side closed")],
    ["reset", new TypeError("fetch failed", { cause: coded("EPIPE") })],
    ["tls", coded("CERT_HAS_EXPIRED")],
    ["tls", coded("DEPTH_ZERO_SELF_SIGNED_CERT")],
    ["tls", coded("ERR_TLS_CERT_ALTNAME_INVALID")],
    ["tls", coded("ERR_SSL_WRONG_VERSION_NUMBER")],
    ["timeout", new DOMException("The operation was aborted due to timeout", "TimeoutError")],
    ["timeout", new errors.ConnectTimeoutError()],
    ["too_large", new errors.HeadersOverflowError()],
    ["bad_response", new errors.HTTPParserError("Expected HTTP/")],
    ["blocked", new AddressRefused("The host has a private address.")],
    ["blocked", new TypeError("failed", { cause: new AddressRefused("no") })],
    ["network", new Error("something else")],
    ["network", "not even an error"],
  ])("is called %s", (code, error) => {
    expect(judgeError(error).code).toBe(code);
  });

  test("does not repeat what a library says, which can hold a URL or an address", () => {
    const told = judgeError(coded("ECONNREFUSED", "connect ECONNREFUSED 10.1.2.3:80 https://u:pw@host/?token=1"));
    expect(told.message).toBe("The receiver refused the connection; is it listening at this port?");
  });

  test("that is its own cause ends", () => {
    const circle: Error & { cause?: unknown } = new Error("a");
    circle.cause = circle;
    expect(judgeError(circle).code).toBe("network");
  });
});
